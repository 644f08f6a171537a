#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Where a switch floods, both balancers see every frame: only the one that it is for forwards it. And the addresses of
# this host are followed.
#
#     client --- router, a switch that learns nothing --- lb1, lb2 ---> be1, be2, be3
set -euo pipefail
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

write_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: numbered
	    listen: ["192.0.2.10:9000/udp", "[2001:db8:1::10]:9000/udp"]
	    tracking: always
	    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
	  - name: web
	    listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp"]
	    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
	END
}

passed_to_others() {
    (($(verdict_packets "$1" other_host) > 1000))
}

flows_of() {
    on "$1" "$GUIDEWAY" flows --pins "$(pins_of "$1")" --runtime-dir "$(runtime_dir_of "$1")" --json |
        jq '[.flows[] | select(.service == "numbered")] | length'
}

new_mac=02:00:0a:00:01:0b

# The router knows its new address, and no other.
knows_new_mac() {
    on router ping -c 1 -W 1 10.0.0.11 && on router ping -c 1 -W 1 2001:db8:f::11 &&
        [[ $(ip -n router neigh show 10.0.0.11) == *"$new_mac"* ]]
}

lab_up
ip -n router link set br-fabric type bridge ageing_time 0
write_config >"$LAB_DIR/lb.yaml"
start_backends be1 be2 be3
for balancer in lb1 lb2; do
    start_agent "$balancer" "$LAB_DIR/lb.yaml"
    await "$balancer to be ready" agent_ready "$balancer"
done

start_numbered 9000 --rate 2000
for balancer in lb1 lb2; do
    expect_soon "$balancer passes what is for the other" passed_to_others "$balancer"
done
finish_numbered
expect "each datagram arrived once" clean
records=$(($(flows_of lb1) + $(flows_of lb2)))
expect_equal "each flow is recorded by one balancer" 200 "$records"
port=20000
for vip in $LAB_VIPS; do
    expect_http "$vip" 50 $((port += 100)) 3
    on client ping -c 3 -W 5 "$vip" >"$LAB_DIR/ping" || true
    expect_equal "a ping of $vip is answered once" 0 "$(grep -c DUP "$LAB_DIR/ping")"
    expect_equal "each is" 3 "$(grep -c 'icmp_seq' "$LAB_DIR/ping")"
done

before=$(verdict_packets lb1 other_host)
ip -n lb1 link set eth0 address "$new_mac"
ip -n router neigh flush dev br-fabric
await "the router to know lb1's new address" knows_new_mac
lab_route_via lb1
for vip in $LAB_VIPS; do
    expect_http "$vip" 50 $((port += 100)) 3
done
expect_more "by its new address lb1 forwards" 0 "$(service_packets lb1 web)"
echo "passed by lb1 before and after it had that address: $before, $(verdict_packets lb1 other_host)"

stop lb2-agent KILL || true
