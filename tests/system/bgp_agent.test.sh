#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Two agents announce what they can serve to BIRD, and withdraw what they cannot.
#
#     client --- router (BIRD) === BGP over IPv4 and IPv6 === lb1, lb2 ---> be1, be2, be3
set -euo pipefail
LAB_TIMEOUT=30
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# balancer_config lb1: the demo's services, announced.
balancer_config() {
    bgp_config "$1" | sed '/^services:/d'
    sed -n '/^services:/,$p' configs/demo.yaml
}

guideway() {
    on "$1" "$GUIDEWAY" "${@:2}" --runtime-dir "$(runtime_dir_of "$1")"
}

run_agent() {
    start_agent "$1" "$LAB_DIR/$1.yaml"
    await "$1 to be ready" agent_ready "$1"
}

# of_all_backends lb1 disable [OPTION...]
of_all_backends() {
    local backend
    for backend in $(lab_backends); do
        guideway "$1" "${@:2}" "$backend"
    done
}

lab_up
remove_static_routes
start_router bird
for balancer in lb1 lb2; do
    balancer_config "$balancer" >"$LAB_DIR/$balancer.yaml"
    run_agent "$balancer"
done
took "both balancers are announced" goes_via "lb1 lb2"

guideway lb1 withdraw --wait
took "one is withdrawn by hand" goes_via lb2
stop lb1-agent KILL || true
run_agent lb1
expect "its agent killed and started again, it is still withdrawn" goes_via lb2
guideway lb1 announce
took "it is announced again" goes_via "lb1 lb2"

of_all_backends lb1 disable --force
took "its last backend fails" goes_via lb2
expect_equal "status says why" "web: 0 healthy, min_healthy is 1; echo: 0 healthy, min_healthy is 1" \
    "$(status lb1 '[.bgp.vips[].reason] | unique | join(" ")')"
of_all_backends lb1 enable
took "its backends are back" goes_via "lb1 lb2"

# The agent would attach it again, if it could.
until bpftool link detach pinned "$(pins_of lb1)/link-eth0" &&
    ip -n lb1 link set eth0 xdpdrv obj "$LAB_DIR/xdp_pass.bpf.o" sec xdp.frags; do
    await "lb1 to be attached again" xdp_attached lb1
done 2>/dev/null
took "another program takes its place" goes_via lb2
expect "status says why" status lb1 '.agent.fault | test("attach to eth0: another XDP program")'

expect "the other one ends with SIGTERM" stop lb2-agent
took "and has told the router before" goes_via ""
