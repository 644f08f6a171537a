#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What is refused, and an agent that died at a bad moment, leave the interface attached.
#
#     lb1: eth0; gen0, a bridge: a driver without native XDP; taken0, whose XDP program is another's
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

reload() {
    on lb1 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)" 2>"$LAB_DIR/refused"
}

answers() {
    [[ $(http_requests 192.0.2.10 30 "$1" | wc -l) == 30 ]]
}

lab_up
start_backends be1 be2 be3
{
    echo "link add gen0 type bridge"
    echo "link add taken0 type veth peer name taken1"
    echo "link set taken0 up xdpdrv obj $LAB_DIR/xdp_pass.bpf.o sec xdp.frags"
} | ip -n lb1 -batch -

sed 's/eth0/gen0/' configs/demo.yaml >"$LAB_DIR/lb1.yaml"
start_agent lb1 "$LAB_DIR/lb1.yaml"
await "generic XDP on gen0" xdp_attached lb1 gen0
sed 's/eth0/gen0/; $a datapath: {mode: native}' configs/demo.yaml >"$LAB_DIR/lb1.yaml"
expect "native mode on a driver without it is refused by reload" eval '! reload'
expect "which says so" grep -q 'refuses native XDP' "$LAB_DIR/refused"
expect "and gen0 stays attached" xdp_attached lb1 gen0
stop lb1-agent KILL || true
start_agent lb1 "$LAB_DIR/lb1.yaml"
expect "it is refused by a new agent" eval '! finish lb1-agent'
expect "and gen0 stays attached then, too" xdp_attached lb1 gen0

cp configs/demo.yaml "$LAB_DIR/lb1.yaml"
start_agent lb1 "$LAB_DIR/lb1.yaml"
await "lb1 to be ready" agent_ready lb1
expect_soon "an interface that is no longer configured is left" xdp_detached lb1 gen0
expect "traffic on eth0" answers 10001
lost=$(in_kernel lb1 '.verdicts.no_next_hop.packets')
sed 's/eth0/taken0/' configs/demo.yaml >"$LAB_DIR/lb1.yaml"
expect "an interface that is another's is refused" eval '! reload'
expect "with what to do" grep -q 'another XDP program.*detach it' "$LAB_DIR/refused"
expect "traffic goes on" answers 10101
expect_equal "and no packet was without a way" "$lost" "$(in_kernel lb1 '.verdicts.no_next_hop.packets')"

two_interfaces() {
    sed "s/\[eth0\]/[eth0, $1]/; \$a datapath: {mode: $2}" configs/demo.yaml >"$LAB_DIR/lb1.yaml"
}

mode_of() {
    ip -n lb1 link show dev "$1" | sed -nE '1s/.* (xdp[a-z]*) .*/\1/p'
}

before=$(link_id lb1)
two_interfaces taken0 generic
expect "another mode beside an interface that is another's is refused" eval '! reload'
expect_equal "and eth0 was not touched" "xdp $before" "$(mode_of eth0) $(link_id lb1)"
two_interfaces gen0 native
expect "an interface without native mode is refused" eval '! reload'
expect_equal "eth0 was not touched" "xdp $before" "$(mode_of eth0) $(link_id lb1)"
expect "the other one is not attached" xdp_detached lb1 gen0
two_interfaces gen0 generic
expect "generic mode on both" reload
expect_equal "is generic on eth0" xdpgeneric "$(mode_of eth0)"
expect_equal "and on the other" xdpgeneric "$(mode_of gen0)"
two_interfaces gen0 native
expect "native mode, which the second one refuses" eval '! reload'
expect "which says so" grep -q 'attach to gen0: its driver refuses native XDP' "$LAB_DIR/refused"
expect_equal "leaves the first one in generic mode" xdpgeneric "$(mode_of eth0)"
expect_equal "and the second" xdpgeneric "$(mode_of gen0)"
expect "traffic in generic mode" answers 10151
cp configs/demo.yaml "$LAB_DIR/lb1.yaml"
sed -i '$a datapath: {mode: native}' "$LAB_DIR/lb1.yaml"
expect "native mode on eth0 alone" reload
expect_equal "is native" xdp "$(mode_of eth0)"

stop lb1-agent KILL || true
mv "$(pins_of lb1)/link-eth0" "$(pins_of lb1)/new-link-eth0"
cp configs/demo.yaml "$LAB_DIR/lb1.yaml"
start_agent lb1 "$LAB_DIR/lb1.yaml"
await "lb1 to be ready" agent_ready lb1
expect "a link that was being pinned when the agent died is taken over" grep -q 'took over' "$(log_of lb1-agent)"
expect "traffic after that" answers 10201

stop lb1-agent KILL || true
rm "$(pins_of lb1)/abi"
start_agent lb1 "$LAB_DIR/lb1.yaml"
await "lb1 to be ready" agent_ready lb1
expect "maps that were being replaced when the agent died are not adopted" grep -q 'not adopted' "$(log_of lb1-agent)"
expect "traffic in the end" answers 10301
