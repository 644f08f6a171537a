#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# A balancer's interface that vanishes and comes back under its name is used again, by the agent that is there.
#
#     client --- router --- eth0, deleted and made anew: lb1 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# Deleting one end of a veth pair deletes the other.
interface_vanishes() {
    echo "lb1\$ ip link delete eth0"
    ip -n lb1 link delete eth0
}

# interface_comes_back MAC: as lab_up made it, but for the MAC address.
interface_comes_back() {
    echo "lb1\$ ip link add eth0 address $1 ..."
    ip link add eth0 netns lb1 mtu 1600 address "$1" type veth peer name to-lb1 netns router mtu 1600
    ip -n router link set to-lb1 master br-fabric up xdpdrv obj "$LAB_DIR/xdp_pass.bpf.o" sec xdp.frags
    on router ethtool -K to-lb1 tx off >/dev/null
    ip -n router neighbour flush dev br-fabric # or it would go on sending to the old MAC address for a while
    lab_configure_host lb1
}

attached() {
    status lb1 '.interfaces == [{name: "eth0", attached: true}]'
}

not_attached() {
    status lb1 '.interfaces == [{name: "eth0", attached: false}]'
}

no_next_hops() {
    status lb1 '[.services[].backends[].next_hop] | all(. == null)'
}

# Over both families of clients and of tunnels.
everyone_answers() {
    local vip
    for vip in $LAB_VIPS; do
        expect_echoes "$vip" 60 "$first_port" 3
        expect_http "$vip" 30 "$first_port" 3
        first_port=$((first_port + 60))
    done
}

first_port=10001
lab_up
# A bridge has the lowest MAC address of its ports, unless it is given one: the backends would go on sending to the old.
ip -n router link set br-fabric address 02:00:0a:00:00:01
start_backends be1 be2 be3
start_agent lb1 configs/demo.yaml
await "lb1 to be ready" agent_ready lb1
everyone_answers

for mac in "$(lab_mac lb1)" 02:00:0a:00:00:ee; do
    agent=$(pid_of lb1-agent)
    before=$(in_kernel lb1 '[.services[].packets] | add')
    interface_vanishes
    expect_soon "eth0 is gone: status says so" not_attached
    expect_soon "and that no backend can be reached" no_next_hops
    expect_equal "the counters stay" "$before" "$(in_kernel lb1 '[.services[].packets] | add')"

    interface_comes_back "$mac"
    expect_soon "eth0 is back: attached again" attached
    expect "to the interface that there is now" xdp_attached lb1
    expect_soon "the next hops are found again" next_hops_known lb1
    expect_equal "by the same agent" "$agent" "$(status lb1 .agent.process)"
    everyone_answers
    expect_more "the counters go on" "$before" "$(in_kernel lb1 '[.services[].packets] | add')"
done

interface_vanishes
expect_soon "eth0 is gone once more" not_attached
interface_comes_back "$(lab_mac lb1)"
expect_soon "and back once more" attached
expect "SIGTERM: status 0" stop lb1-agent
expect "what is attached goes on" xdp_attached lb1
start_agent lb1 configs/demo.yaml
await "lb1 to be ready" agent_ready lb1
expect "a new agent takes over" grep -q 'took over' "$(log_of lb1-agent)"
everyone_answers
