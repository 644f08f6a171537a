# shellcheck shell=bash source-path=SCRIPTDIR
# SPDX-License-Identifier: Apache-2.0
#
# What every router must see of balancers. Sourced by bgp_bird.test.sh and bgp_frr.test.sh:
#
#     client --- router (BIRD or FRR, AS 64512) --- lb1, lb2 (ExaBGP, AS 64600)      sessions over IPv4 and IPv6
set -euo pipefail
# shellcheck disable=SC2034
LAB_BACKENDS=0
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"

both_announce() {
    local balancer
    for balancer in lb1 lb2; do
        start_announcer "$balancer"
        # shellcheck disable=SC2086
        tell "$balancer" want $LAB_VIPS
    done
    took "one multipath route per VIP, over IPv4 and IPv6" goes_via "lb1 lb2"
    expect_soon "lb1 says so" in_step lb1
}

one_withdraws() {
    tell lb1 want
    took "lb1 wants nothing: the routes lead to lb2" goes_via lb2
    # shellcheck disable=SC2086
    tell lb1 want $LAB_VIPS
    took "lb1 wants them again" goes_via "lb1 lb2"
}

one_leaves() {
    tell lb1 leave
    took "lb1 is leaving: GRACEFUL_SHUTDOWN moves its share to lb2" goes_via lb2
    expect "it still announces then" says lb1 '.presence == "leaving"'
    expect_soon "it is gone later" says lb1 '.presence == "gone" and ([.peers[].announced == 0] | all)'
    tell lb1 stay
    took "it stays after all" goes_via "lb1 lb2"
}

many_routes() {
    tell lb1 range 500
    took "500 routes are at the router" has_routes "198\.18\." 500
    tell lb1 range 499
    took "one of them withdrawn" has_routes "198\.18\." 499
    # shellcheck disable=SC2086
    tell lb1 want $LAB_VIPS
    took "all of them withdrawn" has_routes "198\.18\." 0
    took "the VIPs lead to both again" goes_via "lb1 lb2"
}

router_restarts() {
    stop_router
    took "the router's daemon ended: no routes" goes_via ""
    start_router "$daemon"
    took "it was started again: it has the routes" goes_via "lb1 lb2"
    expect_soon "lb1 knows" in_step lb1
}

one_is_terminated() {
    stop lb1-announcer || fail "it ended with status $?"
    expect "lb1 got SIGTERM: when it has ended, the routes lead to lb2" goes_via lb2
    stop lb2-announcer KILL || true
    took "lb2 was killed: no routes" goes_via ""
}

# test_router bird|frr
test_router() {
    lab_up
    remove_static_routes
    start_router "$1"
    both_announce
    one_withdraws
    one_leaves
    many_routes
    router_restarts
    one_is_terminated
}
