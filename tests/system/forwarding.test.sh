#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# TCP and UDP over all four mixes of inner and outer address family, through both balancers.
#
#                                  .10 and ::10: tunnels over IPv4
#     client --- router === lb1, lb2 -------------------------------> be1, be2, be3
#                                  .11 and ::11: tunnels over IPv6
set -euo pipefail
LAB_VIPS="192.0.2.10 192.0.2.11 2001:db8:1::10 2001:db8:1::11"
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
	  - name: over-ipv4
	    listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp", "192.0.2.10:7/udp", "[2001:db8:1::10]:7/udp"]
	    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
	  - name: over-ipv6
	    listen: ["192.0.2.11:80/tcp", "[2001:db8:1::11]:80/tcp", "192.0.2.11:7/udp", "[2001:db8:1::11]:7/udp"]
	    backends: ["2001:db8:f::101", "2001:db8:f::102", "2001:db8:f::103"]
	END
}

# mix VIP FIRST_PORT OUTER: everything a client can do with one VIP; OUTER is what tcpdump must see arriving at be1.
mix() {
    local vip=$1 first_port=$2 outer=$3
    watch "$vip" to-be1 "$outer"

    expect_http "$vip" 60 "$first_port" 3
    expect_echoes "$vip" 60 "$first_port" 3
    expect_transfers "$vip" 5000000

    await "packets wrapped as '$outer'" wrapped "$vip"
    echo "ok: $vip: wrapped as '$outer'"
    stop_watch "$vip"
}

wrapped() {
    (($(seen "$1") > 0))
}

lab_up
write_config >"$LAB_DIR/lb.yaml"
start_backends be1 be2 be3
for balancer in lb1 lb2; do
    start_agent "$balancer" "$LAB_DIR/lb.yaml"
done
for balancer in lb1 lb2; do
    await "$balancer to be ready" agent_ready "$balancer"
done

from4="src host 10.0.0.11 or src host 10.0.0.12"
from6="src host 2001:db8:f::11 or src host 2001:db8:f::12"
mix 192.0.2.10 10001 "ip proto 4 and ($from4)"
mix 2001:db8:1::10 11001 "ip proto 41 and ($from4)"
mix 192.0.2.11 12001 "ip6 proto 4 and ($from6)"
mix 2001:db8:1::11 13001 "ip6 proto 41 and ($from6)"

for balancer in lb1 lb2; do
    expect_more "$balancer had its part" 0 "$(verdict_packets "$balancer" forwarded)"
    expect_equal "$balancer: every packet sent is some service's" \
        "$(verdict_packets "$balancer" forwarded)" "$(in_kernel "$balancer" '[.services[].packets] | add')"
    expect_equal "$balancer: and some backend's" \
        "$(verdict_packets "$balancer" forwarded)" "$(in_kernel "$balancer" '[.services[].backends[].packets] | add')"
done

lab_route_via lb1
before=$(verdict_packets lb1 no_listener)
udp_requests 192.0.2.10 5 --port 9 --timeout 0.05 >"$LAB_DIR/answers"
expect_equal "a port without listener does not answer" 0 "$(wc -l <"$LAB_DIR/answers")"
expect_equal "and is counted" 5 $(($(verdict_packets lb1 no_listener) - before))

expect "what is not for a VIP reaches the balancer's own host, over IPv4" on client ping -q -c 1 -W 2 10.0.0.11
expect "and over IPv6" on client ping -q -c 1 -W 2 2001:db8:f::11
