#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# `guideway detach` takes everything away on purpose, with the process that would bring it back, or after it.
#
#     client --- router --- lb1 ---> be1
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

detach() {
    on "$1" "$GUIDEWAY" detach "${@:2}" --runtime-dir "$(runtime_dir_of "$1")" --pins "$(pins_of "$1")"
}

nothing_left() {
    ! xdp_attached "$1" && [[ ! -e $(pins_of "$1") && -z $(on "$1" tc filter show dev eth0 egress) ]]
}

run_agent() {
    start_agent lb1 "$LAB_DIR/lb.yaml"
    await "lb1 to be ready" agent_ready lb1
    await "its probes' filter" probes_are_wrapped
}

probes_are_wrapped() {
    [[ -n $(on lb1 tc filter show dev eth0 egress) ]]
}

lab_up
start_backends be1
cat >"$LAB_DIR/lb.yaml" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - {name: web, listen: ["192.0.2.10:80/tcp"], health: {check: tcp}, backends: [10.0.0.101]}
END

run_agent
expect "detach, with an agent" detach lb1
expect "the agent has ended with status 0" finish lb1-agent
expect "nothing is left in the kernel" nothing_left lb1

run_agent
stop lb1-agent KILL || true
expect "what an agent leaves that is killed: program" xdp_attached lb1
expect "and filter" probes_are_wrapped
expect "detach, without an agent" detach lb1
expect_soon "nothing is left in the kernel" nothing_left lb1
expect "detach, where nothing is" detach lb1

expect "detach of a backend, with its helper" detach be1 --backend
expect "the helper has ended with status 0" finish be1-backend
expect_soon "no program is left" xdp_detached be1
expect "nor a VIP" eval '! has_vips be1'
expect_equal "ARP is as it was" 0 "$(on be1 sysctl -n net.ipv4.conf.eth0.arp_ignore)"

start_backend be1
await "be1 to unwrap" unwraps be1
stop be1-backend KILL || true
expect "detach of a backend, without its helper" detach be1 --backend
expect_soon "no program is left" xdp_detached be1
expect "nor a VIP" eval '! has_vips be1'
expect_equal "ARP is as it was" 0 "$(on be1 sysctl -n net.ipv4.conf.eth0.arp_ignore)"
expect "nor pins" test ! -e "$(pins_of be1)"
