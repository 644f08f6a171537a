#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The balancer is on a VLAN of its link, or on one within another: what arrives is tagged, and so is what it sends.
# (There are no VLAN devices in some kernels; Debian's has them.)
#
#   vlan.sh one    802.1Q
#   vlan.sh two    802.1Q in 802.1ad
#
#     client --- router ===[tags]=== lb1 ---> be1, be2, without tags
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=2
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"

case ${1-} in
one) tags=(100:802.1Q) ;;
two) tags=(200:802.1ad 100:802.1Q) ;;
*)
    sed -n '/^#   /s/^#   //p' "$LAB_SELF"
    exit 2
    ;;
esac

write_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp", "192.0.2.10:7/udp", "[2001:db8:1::10]:80/tcp", "[2001:db8:1::10]:7/udp"]
	    backends: [10.0.0.101, 10.0.0.102]
	END
}

# add_vlans NAMESPACE LINK: sets $top to the last one's name.
add_vlans() {
    local tag
    top=$2
    for tag in "${tags[@]}"; do
        ip -n "$1" link add link "$top" name "$top.${tag%:*}" type vlan protocol "${tag#*:}" id "${tag%:*}"
        top+=.${tag%:*}
        ip -n "$1" link set "$top" up
    done
}

# The router's end has its tags written into the frames, as they are on a wire.
move_lb1_into_vlans() {
    ip -n router link set to-lb1 nomaster
    on router ethtool -K to-lb1 txvlan off tx-vlan-stag-hw-insert off >/dev/null
    add_vlans router to-lb1
    ip -n router link set "$top" master br-fabric
    ip -n lb1 address flush dev eth0
    add_vlans lb1 eth0
    ip -n lb1 -batch - <<-END
		address add 10.0.0.11/24 dev $top
		address add 2001:db8:f::11/64 dev $top nodad
		route replace default via 10.0.0.1
	END
}

requests() {
    expect_echoes "$1" 20 "$2" 2
    expect_http "$1" 20 "$2" 2
    expect "$1: answers ping" on client ping -q -c 2 -W 5 "$1"
    expect_equal "$1: 200 kB upload" intact "$(upload "$1" 200000)"
}

lab_enter "$@"
modprobe 8021q
lab_up
move_lb1_into_vlans
write_config >"$LAB_DIR/lb.yaml"
start_backends be1 be2
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
watch tagged to-lb1 vlan
requests 192.0.2.10 10001
requests 2001:db8:1::10 11001
stop_watch tagged
expect_more "what lb1 sent to the backends was tagged" 100 \
    "$(tcpdump -e -n -r "$LAB_DIR/tagged.pcap" "ether src $(lab_mac lb1)" 2>/dev/null | grep -c 'vlan 100.* 10.0.0.11 > 10.0.0.10')"
expect "the driver leaves tags in the frames" grep -q 'rx-vlan-offload: off' <(on lb1 ethtool -k eth0)
