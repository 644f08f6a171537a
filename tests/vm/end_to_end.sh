#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The same requests, with the one or the other to unwrap them on the backends. Both must serve every one of them, so
# what a balancer sends is what Linux itself takes for a tunnel's packet.
#
#   end_to_end.sh guideway   `guideway backend`: XDP, before the kernel sees the packet
#   end_to_end.sh tunl0      the kernel's own tunnel devices: tunl0 takes IPv4 in IPv4, sit0 IPv6 in IPv4
#
#     client --- router === lb1, lb2 --- tunnels over IPv4 ---> be1, be2
set -euo pipefail
LAB_BACKENDS=2
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"

unwrapper=${1-}
[[ $unwrapper == guideway || $unwrapper == tunl0 ]] || {
    sed -n '/^#   /s/^#   //p' "$LAB_SELF"
    exit 2
}

write_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp"]
	    backends: [10.0.0.101, 10.0.0.102]
	  - name: echo
	    listen: ["192.0.2.10:7/udp", "[2001:db8:1::10]:7/udp"]
	    backends: [10.0.0.101, 10.0.0.102]
	END
}

# The devices appear in every new network namespace as soon as their modules are there.
load_kernel_tunnels() {
    modprobe -a ipip sit
}

start_kernel_backends() {
    local backend vip
    for backend; do
        ip -n "$backend" link set tunl0 up
        ip -n "$backend" link set sit0 up
        # What tunl0 unwraps comes from clients, to whom the way is eth0. The larger of 'all' and the device's own holds.
        on "$backend" sysctl -q -w net.ipv4.conf.{all,tunl0}.rp_filter=0
        for vip in $LAB_VIPS; do
            ip -n "$backend" address add "$vip" dev lo
        done
        start_app "$backend"
    done
    for backend; do
        await "$backend to serve" serves "$backend"
    done
}

received() {
    ip -n "$1" -json -statistics link show dev "$2" | jq '.[].stats64.rx.packets'
}

# requests VIP FIRST_PORT
requests() {
    expect_echoes "$1" 40 "$2" 2
    expect_http "$1" 40 "$2" 2
    expect_transfers "$1" 2000000
}

expect_guideway_unwrapped() {
    local backend
    for backend in be1 be2; do
        expect "$backend: an XDP program unwraps" xdp_attached "$backend"
    done
}

expect_kernel_unwrapped() {
    local backend device
    for backend in be1 be2; do
        expect "$backend: no XDP program" xdp_detached "$backend"
        for device in tunl0 sit0; do
            expect_more "$backend: $device unwraps" 100 "$(received "$backend" "$device")"
        done
    done
}

lab_enter "$@"
[[ $unwrapper == guideway ]] || load_kernel_tunnels
lab_up
write_config >"$LAB_DIR/lb.yaml"
case $unwrapper in
guideway) start_backends be1 be2 ;;
tunl0) start_kernel_backends be1 be2 ;;
esac
for balancer in lb1 lb2; do
    start_agent "$balancer" "$LAB_DIR/lb.yaml"
done
for balancer in lb1 lb2; do
    await "$balancer to be ready" agent_ready "$balancer"
done

requests 192.0.2.10 10001
requests 2001:db8:1::10 11001

for balancer in lb1 lb2; do
    expect_more "$balancer had its part" 0 "$(verdict_packets "$balancer" forwarded)"
done
case $unwrapper in
guideway) expect_guideway_unwrapped ;;
tunl0) expect_kernel_unwrapped ;;
esac
