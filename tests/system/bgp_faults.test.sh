#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016
#
# Whatever happens to ExaBGP's relay and to whom it serves: the router learns what is wanted. An ExaBGP that is none is told
# so. bgp_troubles has what happens to the router and to ExaBGP itself.
#
#     router (BIRD) --- lb1 (ExaBGP)
LAB_BALANCERS=1
. "$(dirname "${BASH_SOURCE[0]}")/bgp.sh"
lab_enter "$@"

# again NAME: lb1 with other keys or another ExaBGP; its predecessor is killed.
again() {
    [[ ! -v lab_pids[lb1-announcer] ]] || stop lb1-announcer KILL || true
    start_announcer lb1 "$@"
    # shellcheck disable=SC2086
    tell lb1 want $LAB_VIPS
}

recovered() {
    goes_via lb1 && in_step lb1
}

# --- ExaBGP and its relay --------------------------------------------------------------------------------------------

relay_killed() {
    local exabgp relay before
    exabgp=$(exabgp_of lb1)
    relay=$(relay_of lb1)
    before=$(updates)
    kill -KILL "$relay"
    tell lb1 want 192.0.2.10
    expect_soon "the relay was killed: what is wanted now arrives" no_ipv6_route
    # shellcheck disable=SC2086
    tell lb1 want $LAB_VIPS
    took "and what is wanted again" recovered
    expect_equal "by the same ExaBGP" "$exabgp" "$(exabgp_of lb1)"
    expect_equal "updates: a withdraw and a route" 2 $(($(updates) - before))
}

no_ipv6_route() {
    [[ -z $(via 2001:db8:1::10) && $(via 192.0.2.10) == lb1 ]]
}

agent_stopped() {
    kill -STOP "$(pid_of lb1-announcer)"
    took "the agent was stopped: its relay ends ExaBGP, no routes" goes_via ""
    kill -CONT "$(pid_of lb1-announcer)"
    took "it goes on: it has the routes" recovered
}

# unusable "what" PATTERN SCRIPT_LINE: an ExaBGP that is none.
unusable() {
    printf '#!/bin/sh\n%s\n' "$3" >"$LAB_DIR/unusable"
    chmod 755 "$LAB_DIR/unusable"
    again "" --exabgp "$LAB_DIR/unusable"
    expect_soon "$1: the status says so" says lb1 ".last_error | test(\"$2\")"
}

unusable_exabgp() {
    again "" --exabgp /nonexistent/exabgp
    expect_soon "ExaBGP is missing: the status says so" says lb1 \
        '.last_error == "run /nonexistent/exabgp: No such file or directory; install exabgp 4.2"'
    unusable "ExaBGP is too old" "it is version 4.1, whose API is another; install exabgp 4.2" 'echo "ExaBGP : 4.1.5"'
    unusable "ExaBGP is no ExaBGP" "it does not tell its version; install exabgp 4.2" 'echo 4.2'
}

# --- graceful restart ------------------------------------------------------------------------------------------------

graceful_restart() {
    again "graceful_restart: 30s"
    took "it has the routes" recovered
    tell lb1 want 192.0.2.10 192.0.2.11 2001:db8:1::10
    took "and one more" has_routes "192\.0\.2\.11" 1
    stop lb1-announcer KILL || true
    await "BIRD to have noticed" router_keeps_stale_routes
    expect "lb1 was killed: the routes stay" goes_via lb1
    start route-watch router ip monitor route
    start_announcer lb1 "graceful_restart: 30s"
    expect_soon "it is back: the sessions are up" sessions_up lb1
    expect "it says nothing yet: the routes stay" goes_via lb1
    tell lb1 want 192.0.2.10 2001:db8:1::10
    took "it wants one less than before: that one goes" has_routes "192\.0\.2\.11" 0
    expect "the others were there all the time" only_one_was_lost
    expect "and are" recovered
    stop lb1-announcer || fail "it ended with status $?"
    expect "SIGTERM: the routes go, although BIRD would keep them" goes_via ""
}

only_one_was_lost() {
    stop route-watch || true
    [[ $(grep '^Deleted' "$(log_of route-watch)" | grep -oE '192\.0\.2\.[0-9]+|2001:db8:1:\S+') == 192.0.2.11 ]]
}

# -----------------------------------------------------------------------------------------------------------------------

lab_up
remove_static_routes
start_router bird
again
took "it has the routes" recovered
relay_killed
agent_stopped
graceful_restart
unusable_exabgp
