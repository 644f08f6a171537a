#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Probes are no traffic: no balancer counts or records anything of them, and the application notices no error. Twelve
# services whose servers talk on after the probe has heard enough, probed by two balancers; clients are idle.
#
#     router --- lb1, lb2 === tunnels in all four mixes ===> be1, be2
#
# PROBING_SECONDS=3600: for so long instead of some hundred probes, each of which may take two seconds on a busy host.
set -euo pipefail
LAB_BALANCERS=2
LAB_BACKENDS=2
LAB_TIMEOUT=60
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

probing="interval: 200ms, timeout: 190ms"
[[ -z ${PROBING_SECONDS-} ]] || probing="interval: 2s, timeout: 1900ms"

# service NAME VIP PORT/PROTOCOL BACKENDS CHECK
service() {
    cat <<-END
	  - name: $1
	    listen: ["$2:$3"]
	    tracking: always
	    idle_timeout: 2s
	    health: {$5, $probing}
	    backends: [$4]
	END
}

write_config() {
    local v4="10.0.0.101, 10.0.0.102" v6='"2001:db8:f::101", "2001:db8:f::102"' vip4=192.0.2.10 vip6="[2001:db8:1::10]"
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	END
    service tcp-4in4 "$vip4" 9000/tcp "$v4" "check: tcp"
    service tcp-6in6 "$vip6" 9000/tcp "$v6" "check: tcp"
    service tcp-4in6 "$vip4" 9010/tcp "$v6" "check: tcp, port: 9000"
    service tcp-6in4 "$vip6" 9010/tcp "$v4" "check: tcp, port: 9000"
    service http-4in4 "$vip4" 9001/tcp "$v4" "check: http"
    service http-6in6 "$vip6" 9001/tcp "$v6" "check: http"
    service http-gre "$vip4" 9011/tcp "$v4" "check: http, port: 9001, expect_body: nothing" | sed 's/, expect_body: nothing//'
    service udp-4in4 "$vip4" 9002/udp "$v4" "check: udp, send: hello"
    service udp-6in6 "$vip6" 9002/udp "$v6" "check: udp, send: hello"
    service icmp "$vip4" 9020/tcp "$v4" "check: icmp"
    service on-4in4 "$vip4" 9003/tcp "$v4" "check: tcp"
    service on-6in6 "$vip6" 9003/tcp "$v6" "check: tcp"
}

all_up() {
    status "$1" '[.services[].health | .warmed_up and .up == 2] | length == 12 and all'
}

probed_more_than() {
    status "$1" "[.services[].backends[].health.probes] | min > $2"
}

# probe_on: for a while.
probe_on() {
    local balancer before
    if [[ -n ${PROBING_SECONDS-} ]]; then
        sleep "$PROBING_SECONDS"
        PROBING_SECONDS=
        return
    fi
    for balancer in lb1 lb2; do
        before=$(status "$balancer" '[.services[].backends[].health.probes] | min')
        await "$balancer to go on probing" probed_more_than "$balancer" $((before + 25))
    done
}

# What balancers saw of the VIPs, but for what routers and hosts say to each other.
seen_by() {
    in_kernel "$1" '[.verdicts | to_entries[] | select(.key | IN("not_ip", "not_vip", "too_short", "link_control") | not)
        | select(.value.packets > 0) | "\(.key): \(.value.packets)"] | join(", ")'
}

packets_of() {
    in_kernel "$1" '[.services[] | .packets + .flow_lookups + (.backends | map(.packets) | add)] | add | tostring'
}

flows_of() {
    on "$1" "$GUIDEWAY" flows --pins "$(pins_of "$1")" --runtime-dir "$(runtime_dir_of "$1")" --json | jq '.flows | length'
}

expect_invisible() {
    local balancer
    for balancer in lb1 lb2; do
        expect_equal "$1: $balancer saw no packet for a VIP" "" "$(seen_by "$balancer")"
        expect_equal "$1: none of a service was counted at $balancer" 0 "$(packets_of "$balancer")"
        expect_equal "$1: $balancer has no flow" 0 "$(flows_of "$balancer")"
    done
}

errors_of_applications() {
    cat "$(log_of be1-talk)" "$(log_of be2-talk)" | grep -v talks || true
}

lab_up
for backend in be1 be2; do
    start_backend "$backend"
    await "$backend to unwrap" unwraps "$backend"
    # shellcheck disable=SC2086 # one word per VIP
    start "$backend-talk" "$backend" "$LAB_ROOT/tests/system/talkative.py" 9000 $LAB_VIPS
    await "$backend to talk" grep -q talks "$(log_of "$backend-talk")"
done
write_config >"$LAB_DIR/lb.yaml"
for balancer in lb1 lb2; do
    start_agent "$balancer" "$LAB_DIR/lb.yaml"
    await "$balancer to be ready" agent_ready "$balancer"
done
for balancer in lb1 lb2; do
    await "$balancer's services to be up" all_up "$balancer"
done
probe_on
expect_invisible "after some probes"
expect_equal "the applications have seen no error" "" "$(errors_of_applications)"
expect_more "ports of orderly ends wait" 10 "$(on lb1 ss -Htan state time-wait | wc -l)"

start drain lb1 "$GUIDEWAY" drain 10.0.0.101 --wait --runtime-dir "$(runtime_dir_of lb1)"
finish drain || fail "drain --wait ends with status $?"
expect_equal "a drain waits for nobody" "10.0.0.101: 0 flows left, 0 slots in which more may be found" \
    "$(tail -n 1 "$(log_of drain)")"
on lb1 "$GUIDEWAY" undrain 10.0.0.101 --runtime-dir "$(runtime_dir_of lb1)"

for signal in TERM KILL; do
    stop lb1-agent $signal || true
    start_agent lb1 "$LAB_DIR/lb.yaml"
    await "lb1 to be ready again" agent_ready lb1
    await "its services to be up" all_up lb1
    probe_on
    expect_invisible "after SIG$signal and a successor"
done

# Two ports for each destination may wait: nearly all probes end by a reset, into what servers still say.
stop lb2-agent
on lb2 sysctl -q -w net.ipv4.ip_local_port_range='20000 20127' net.ipv4.tcp_max_tw_buckets=8
start_agent lb2 "$LAB_DIR/lb.yaml"
await "lb2 to be ready with few ports" agent_ready lb2
await "its services to be up" all_up lb2
probe_on
expect_invisible "with few ports"
expect "few ports wait" test "$(on lb2 ss -Htan state time-wait 'sport >= :20000 and sport <= :20127' | wc -l)" -lt 10
