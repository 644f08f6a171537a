#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Agent and backend need CAP_NET_ADMIN, CAP_BPF and CAP_PERFMON, and nothing else: with these in their bounding set they
# do all that they do; without one of them they say which. icmp checks need CAP_NET_RAW, or the ping_group_range. What the
# agent's unit has besides is for ExaBGP: bgp_user.test.sh.
#
#     client --- router --- lb1 === tunnels ===> be1, be2
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=2
LAB_TIMEOUT=40
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/lb1.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# As the package's unit of a backend has it.
mapfile -t needed < <(sed -n 's/^CapabilityBoundingSet=//p' packaging/systemd/guideway-backend.service.in |
    tr 'A-Z ' 'a-z\n' | sed 's/^cap_//')

# with CAPABILITY...: the bounding set of these.
with() {
    local set=-all capability
    for capability; do
        set+=",+$capability"
    done
    echo "$set"
}

# lacks CAPABILITY HOST WORDS...: without it the program refuses to start, and names it.
lacks() {
    local other rest=()
    for other in "${needed[@]}"; do
        [[ $other == "$1" ]] || rest+=("$other")
    done
    ! on "$2" setpriv --no-new-privs --inh-caps=-all --bounding-set="$(with "${rest[@]}")" "$GUIDEWAY" "${@:3}" \
        --pins "$(pins_of nobody)" --runtime-dir "$LAB_DIR/nobody" 2>"$LAB_DIR/stderr" &&
        grep -q "missing privileges (CAP_${1^^})" "$LAB_DIR/stderr"
}

# make_bounded_guideway CAPABILITY...: what the lab's helpers start has these alone.
make_bounded_guideway() {
    cat >"$LAB_DIR/guideway" <<-END
	#!/usr/bin/env bash
	exec setpriv --no-new-privs --inh-caps=-all --bounding-set="$(with "$@")" "$PROGRAM" "\$@"
	END
    chmod +x "$LAB_DIR/guideway"
}

write_config() {
    cat >"$LAB_DIR/lb.yaml.new" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	http: 127.0.0.1:9660
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp"]
	    health: {check: http, interval: 500ms, timeout: 450ms, rise: 2}
	    backends: [10.0.0.101${1-, 10.0.0.102}]
	  - name: echo
	    listen: ["[2001:db8:1::10]:7/udp"]
	    health: {check: udp, send: hello, interval: 500ms, timeout: 450ms, rise: 2}
	    backends: ["2001:db8:f::101", "2001:db8:f::102"]
	  - name: open
	    listen: ["192.0.2.10:81/tcp"]
	    health: {check: tcp, port: 80, interval: 500ms, timeout: 450ms, rise: 2}
	    backends: [10.0.0.101, 10.0.0.102]
	  - name: ping
	    listen: ["192.0.2.10:82/tcp"]
	    health: {check: icmp, interval: 500ms, timeout: 450ms, rise: 2}
	    backends: [10.0.0.101, 10.0.0.102]
	END
    mv "$LAB_DIR/lb.yaml.new" "$LAB_DIR/lb.yaml"
}

# up SERVICE: both its backends were judged so.
up() {
    status lb1 ".services[] | select(.name == \"$1\") | .health | .warmed_up and .up == 2"
}

ready() {
    [[ $(on lb1 curl -s -o "$LAB_DIR/readyz" -w '%{http_code}' http://127.0.0.1:9660/readyz) == 200 ]]
}

# What the kernel lets the process do at most.
capabilities_of() {
    capsh --decode="$(sed -n "s/^$2:\t//p" "/proc/$(pid_of "$1")/status")" | sed 's/.*=//'
}

lab_up
expect_equal "the unit's capabilities" "bpf net_admin perfmon" "$(printf '%s\n' "${needed[@]}" | sort | paste -sd' ')"
# As on a host: echo sockets are nobody's.
on lb1 sysctl -q -w net.ipv4.ping_group_range='1 0'
write_config
for capability in "${needed[@]}"; do
    expect "without CAP_${capability^^} an agent is refused, and names it" \
        lacks "$capability" lb1 agent -c "$LAB_DIR/lb.yaml"
    expect "and so is a backend" \
        lacks "$capability" be1 backend --interface eth0 --vip 192.0.2.10 --from 10.0.0.11
done

PROGRAM=$GUIDEWAY
make_bounded_guideway "${needed[@]}"
GUIDEWAY=$LAB_DIR/guideway
start_backends be1 be2
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
for process in lb1-agent be1-backend; do
    for which in CapBnd CapEff CapPrm; do
        expect_equal "$process: $which" cap_net_admin,cap_perfmon,cap_bpf "$(capabilities_of "$process" $which)"
    done
done

for service in web echo open; do
    expect_soon "$service is probed through the tunnel, and up" up "$service"
done
expect_soon "readyz says so" ready
expect_equal "its own packets are forwarded" null "$(status lb1 '[.agent.fault, .services[].fault] | map(select(. != null and . != "")) | .[0] | tojson')"
for vip in $LAB_VIPS; do
    expect_http "$vip" 30 $((port = ${port-20000} + 100)) 2
done
expect "icmp checks are not tried" status lb1 \
    '.services[] | select(.name == "ping") | .backends[0].health.reason | test("open an ICMP socket: Operation not permitted")'
on lb1 sysctl -q -w net.ipv4.ping_group_range='0 2147483647'
expect_soon "which the ping_group_range permits" up ping
on lb1 sysctl -q -w net.ipv4.ping_group_range='1 0'
stop lb1-agent
make_bounded_guideway "${needed[@]}" net_raw
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
expect_soon "and so does CAP_NET_RAW" up ping
stop lb1-agent
make_bounded_guideway "${needed[@]}"
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1

expect "it drains" guideway drain 10.0.0.101
guideway undrain 10.0.0.101
write_config ""
expect "it reloads" guideway reload
write_config
expect "and again" guideway reload
on be2 sysctl -q -w net.ipv4.conf.eth0.arp_notify=1
ip -n be2 link set eth0 address 02:00:0a:00:00:ee
expect_soon "it follows a next hop" next_hop_is lb1 web 10.0.0.102 02:00:0a:00:00:ee

link=$(link_id lb1)
stop lb1-agent
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready again" agent_ready lb1
expect_equal "a successor takes over" "$link" "$(link_id lb1)"
stop be1-backend
start_backend be1
expect_soon "so does a backend's" unwraps be1
stop lb1-agent
start_agent lb1 "$LAB_DIR/lb.yaml" --detach-on-exit
await "lb1 to be ready once more" agent_ready lb1
stop lb1-agent
expect_soon "and all is taken away in the end" xdp_detached lb1
