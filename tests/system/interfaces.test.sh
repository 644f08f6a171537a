#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Packets arrive and leave by either of two interfaces; a backend may be the balancer's own host.
#
#                          fabric, eth0
#     client --- router ===================== lb1 ---> be1, be2 by eth0; be3 by eth1; lb1 itself
#                          10.0.2.0/24, eth1
set -euo pipefail
LAB_BALANCERS=1
LAB_VIPS="192.0.2.10 192.0.2.12"
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

write_config() {
    cat <<-END
	interfaces: [eth0, eth1]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp", "192.0.2.10:7/udp"]
	    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
	  - name: here
	    listen: ["192.0.2.12:80/tcp", "192.0.2.12:7/udp"]
	    backends: [10.0.0.11]
	END
}

# The routes take be3's packets by eth1 to the router, which has its fabric as lb1 has.
add_second_link() {
    ip link add eth1 netns lb1 mtu 1600 type veth peer name to-lb1-eth1 netns router mtu 1600
    ip -n router -batch - <<-END
		link set to-lb1-eth1 up xdpdrv obj $LAB_DIR/xdp_pass.bpf.o sec xdp.frags
		address add 10.0.2.1/24 dev to-lb1-eth1
	END
    on router ethtool -K to-lb1-eth1 tx off >/dev/null
    on router sysctl -q -w net.ipv4.conf.{all,to-lb1-eth1,br-fabric}.rp_filter=2
    ip -n lb1 -batch - <<-END
		link set eth1 up
		address add 10.0.2.11/24 dev eth1
		route add 10.0.0.103 via 10.0.2.1 src 10.0.0.11
	END
    on lb1 sysctl -q -w net.ipv4.conf.{all,eth0,eth1}.rp_filter=2
}

# route_vips_via ADDRESS
route_vips_via() {
    local vip
    for vip in $LAB_VIPS; do
        echo "route replace $vip via $1"
    done | ip -n router -batch -
}

ready() {
    running lb1-agent && status lb1 '.interfaces | length == 2 and all(.attached)' &&
        status lb1 '[.services[] | select(.name == "web").backends[].next_hop.mac] | length == 3 and all'
}

# arrive_by INTERFACE FIRST_PORT HERE ELSEWHERE: the backends behind the interface of arrival, and those behind the other.
arrive_by() {
    local interface=$1 port=$2 sent redirected delivered
    sent=$(verdict_packets lb1 forwarded)
    redirected=$(verdict_packets lb1 redirected)
    delivered=$(verdict_packets lb1 delivered_locally)
    http_requests 192.0.2.10 60 "$port" >"$LAB_DIR/answers"
    expect_equal "by $interface: 60 requests answered" 60 "$(wc -l <"$LAB_DIR/answers")"
    expect_equal "by three backends" 3 "$(sort -u "$LAB_DIR/answers" | wc -l)"
    expect_more "some were sent out of $interface" "$sent" "$(verdict_packets lb1 forwarded)"
    expect_more "others out of the other interface" "$redirected" "$(verdict_packets lb1 redirected)"
    http_requests 192.0.2.12 10 "$((port + 500))" >"$LAB_DIR/answers"
    expect_equal "by $interface: the balancer's own host answers" "10 lb1" \
        "$(sort "$LAB_DIR/answers" | uniq -c | xargs)"
    expect_more "delivered there, unwrapped" "$delivered" "$(verdict_packets lb1 delivered_locally)"
}

lab_up
add_second_link
ip -n lb1 address add 192.0.2.12/32 dev lo
write_config >"$LAB_DIR/lb.yaml"
start_backends be1 be2 be3
start lb1-app lb1 "$LAB_ROOT/tests/system/app.py" lb1 192.0.2.12
await "the balancer's host to serve" serves lb1
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" ready

expect "trace knows that the balancer's own host is one" eval \
    'on lb1 "$GUIDEWAY" trace "203.0.113.2:10001 -> 192.0.2.12:80/tcp" --runtime-dir "$(runtime_dir_of lb1)" |
        grep -q "^first   10.0.0.11, which is this host$"'
route_vips_via 10.0.0.11
arrive_by eth0 10001
route_vips_via 10.0.2.11
arrive_by eth1 11001
