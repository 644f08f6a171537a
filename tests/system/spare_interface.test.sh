#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Of several interfaces one that nothing uses may vanish, and come late: that is said, and nobody notices anything else.
# One that backends are reached by takes its own services along, not others. One is not given up by mistake.
#
#                           eth0
#     client --- router ============ lb1 (and lb2) ---> be1, be2, be3      spare0: a cable to nowhere
#                           eth1: another way to be3
set -euo pipefail
LAB_VIPS="192.0.2.10 2001:db8:1::10"
LAB_TIMEOUT=30
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
. "$LAB_ROOT/tests/system/connections.sh"
# shellcheck disable=SC2034 # router.sh
speaker=agent
. "$LAB_ROOT/tests/system/accidents.sh"
cd "$LAB_ROOT"
lab_enter "$@"

add_spare() {
    ip -n lb1 link add spare0 type veth peer name spare1
    ip -n lb1 link set spare0 up
    ip -n lb1 link set spare1 up
}

remove_spare() {
    ip -n lb1 link delete spare0
}

spare_is() {
    status lb1 ".interfaces[] | select(.name == \"spare0\") | .attached == $1"
}

is_degraded() {
    status lb1 '.agent.degraded | length == 1 and (.[0] | test("attach to spare0: no such interface"))'
}

not_degraded() {
    status lb1 '.agent.degraded == [] and .agent.fault == null'
}

readyz() {
    on lb1 curl -sS -o "$LAB_DIR/body" -w '%{http_code}' http://127.0.0.1:9660/readyz
}

spare_interface() {
    guideway lb1 reload
    expect "lb1 has a spare interface" spare_is true
    accident "a spare interface vanishes" remove_spare -- is_degraded
    expect_soon "the log says so" said lb1 'degraded: attach to spare0: no such interface'
    expect_equal "lb1 is ready all the same" 200 "$(readyz)"
    expect "and says what is missing" grep -q '^degraded: attach to spare0' "$LAB_DIR/body"
    expect "guideway status says so, too" grep -q '^degraded: attach to spare0' < <(guideway lb1 status --pins "$(pins_of lb1)")
    more_services="  - {name: more, listen: ['192.0.2.10:81/tcp'], backends: [10.0.0.101]}"
    balancer_config lb1 eth0, spare0 >"$LAB_DIR/lb1.yaml"
    accident "a reload while it is away" guideway lb1 reload
    expect "is applied" status lb1 '.services | length == 2'
    restart_agent lb1
    expect "an agent starts while it is away" is_degraded
    expect_soon "and says so" said lb1 'degraded: attach to spare0'
    checkpoint
    reopen
    accident "the spare interface comes late" add_spare -- spare_is true
    expect_soon "nothing is missing any more" not_degraded
    expect_soon "the log says so" said lb1 'no longer degraded'
    accident "the spare interface is taken out of the file" leave_spare -- eval "! xdp_attached lb1 spare0"
}

leave_spare() {
    more_services=
    balancer_config lb1 >"$LAB_DIR/lb1.yaml"
    guideway lb1 reload
}

none_of_several() {
    local status=0
    restart_with "spare7, spare8" || status=$?
    expect_equal "an agent none of whose interfaces exist does not start" 1 "$status"
    expect "and names them" said lb1 'attach to spare7 and spare8: no such interface'
    balancer_config lb1 >"$LAB_DIR/lb1.yaml"
    run_agent lb1
    await "lb1 to be announced again" goes_via "lb1 lb2"
    checkpoint
    reopen
}

restart_with() {
    stop lb1-agent KILL || true
    balancer_config lb1 "$1" >"$LAB_DIR/lb1.yaml"
    start_agent lb1 "$LAB_DIR/lb1.yaml"
    finish lb1-agent
}

# --- an interface that is used ---------------------------------------------------------------------------------------

# The way to be3 leads through eth1 from here on.
second_way() {
    ip link add eth1 netns lb1 mtu 1600 type veth peer name to-lb1-eth1 netns router mtu 1600
    ip -n router -batch - <<-END
		link set to-lb1-eth1 up xdpdrv obj $LAB_DIR/xdp_pass.bpf.o sec xdp.frags
		address add 10.0.2.1/24 dev to-lb1-eth1
	END
    on router ethtool -K to-lb1-eth1 tx off >/dev/null
    on router sysctl -q -w net.ipv4.conf.{all,to-lb1-eth1,br-fabric}.rp_filter=2
    on lb1 sysctl -q -w net.ipv4.conf.{all,eth0}.rp_filter=2
    ip -n lb1 -batch - <<-END
		link set eth1 up
		address add 10.0.2.11/24 dev eth1
		route add 10.0.0.103 via 10.0.2.1 src 10.0.0.11
	END
}

used_interface() {
    local next
    more_services="  - {name: apart, listen: ['192.0.2.20:80/tcp'], backends: [10.0.0.103]}"
    balancer_config lb1 eth0, eth1 >"$LAB_DIR/lb1.yaml"
    guideway lb1 reload
    second_way
    await "be3 to be reached by eth1" by_eth1
    balancer_config lb1 >"$LAB_DIR/lb1.yaml"
    accident "a reload without the interface that be3 is reached by" eval '! guideway lb1 reload 2>"$LAB_DIR/refused"'
    expect "is refused, with the backends" grep -q '^interfaces: without eth1, backend 10.0.0.103 of service held has no way' "$LAB_DIR/refused"
    expect "each of them" grep -q '10.0.0.103 of service apart' "$LAB_DIR/refused"
    expect "and what to do" grep -q 'guideway reload --force' "$LAB_DIR/refused"
    expect "it goes on by eth1" by_eth1
    guideway lb1 plan -c "$LAB_DIR/lb1.yaml" --pins "$(pins_of lb1)" >"$LAB_DIR/plan"
    expect "plan says so, too" grep -q '^10.0.0.103 of service apart would have no way: its next hop is on eth1' "$LAB_DIR/plan"
    next=$(guideway lb1 plan -c "$LAB_DIR/lb1.yaml" --pins "$(pins_of lb1)" --json | jq -c .ways_lost)
    expect_equal "and as JSON" '[{"service":"apart","backend":"10.0.0.103","interface":"eth1"},{"service":"held","backend":"10.0.0.103","interface":"eth1"}]' "$next"
    ip -n lb1 link delete eth1
    expect_soon "without eth1 nothing is lost that has another way" only_eth1_is_lost
    checkpoint
    expect "reload --force is applied" guideway lb1 reload --force
    expect "without eth1" status lb1 '.interfaces == [{name: "eth0", attached: true}]'
}

by_eth1() {
    status lb1 '.services[] | select(.name == "held").backends[] | select(.address == "10.0.0.103").next_hop.interface == "eth1"'
}

only_eth1_is_lost() {
    status lb1 '.agent.fault == null and (.agent.degraded | length == 1) and ([.services[].fault] | all(. == null))'
}

accidents_up 200 --churn 5 --timeout 15000
add_spare
balancer_config lb1 eth0, spare0 >"$LAB_DIR/lb1.yaml"
spare_interface
none_of_several
used_interface
print_accidents
