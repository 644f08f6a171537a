#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016
#
# Whatever happens to sessions, router, ExaBGP and its relay: the routers learn what is wanted, the status says why they do
# not, and both recover by themselves.
#
#     router (BIRD) --- lb1 (ExaBGP)
LAB_BALANCERS=1
. "$(dirname "${BASH_SOURCE[0]}")/bgp.sh"
lab_enter "$@"

# error_says lb1 PATTERN: of both peers.
error_says() {
    says "$1" "[.peers[].last_error | test(\"$2\")] | all"
}

has_ended() {
    ! kill -0 "$1"
}

# again NAME: lb1 with other keys or another ExaBGP; its predecessor is killed.
again() {
    stop lb1-announcer KILL || true
    start_announcer lb1 "$@"
    # shellcheck disable=SC2086
    tell lb1 want $LAB_VIPS
}

recovered() {
    goes_via lb1 && in_step lb1
}

# --- sessions --------------------------------------------------------------------------------------------------------

absent_router() {
    again
    expect_soon "nobody at the router: the status says so" error_says lb1 "the TCP connection was refused or broke"
    start_router bird
    took "BIRD is started: it has the routes" recovered
}

passwords() {
    echo 's3cr;t#{x}$' >"$LAB_DIR/password"
    stop_router
    start_router bird 's/hold time 9;/hold time 9; password "s3cr;t#{x}$";/'
    again "password_file: $LAB_DIR/password"
    took "the password that BIRD has: it has the routes" recovered
    stop_router
    start_router bird 's/hold time 9;/hold time 9; password "another";/'
    again "password_file: $LAB_DIR/password"
    expect_soon "another password: the status says what to look at" error_says lb1 "does not answer.*the password the same"
    expect "no route then" goes_via ""
    stop_router
    start_router bird 's/hold time 9;/hold time 9; password "s3cr;t#{x}$";/'
    took "BIRD gets the right one: it has the routes" recovered
}

wrong_as() {
    stop_router
    start_router bird 's/as 64600/as 64601/'
    again
    expect_soon "another AS: the status has what the router says" error_says lb1 "notification received .2,2.: bad peer AS"
    stop_router
    start_router bird
    took "BIRD expects the right one: it has the routes" recovered
}

# --- ExaBGP and its relay --------------------------------------------------------------------------------------------

exabgp_killed() {
    local exabgp
    exabgp=$(exabgp_of lb1)
    kill -KILL "$exabgp"
    expect_soon "ExaBGP was killed: no routes" goes_via ""
    took "another one has announced them" recovered
    expect "the status says why" says lb1 '.restarts == 1 and .last_error == "exabgp ended: signal 9 (Killed)"'
    expect_equal "updates in the new sessions" 2 "$(updates)"
}

exabgp_stopped() {
    local exabgp
    exabgp=$(exabgp_of lb1)
    kill -STOP "$exabgp"
    took "ExaBGP was stopped: it is replaced" has_ended "$exabgp"
    took "another one has announced the routes" recovered
    expect "the status says why" says lb1 '.last_error | test("killed: no answer to .* within 5 s")'
    expect_equal "updates in the new sessions" 2 "$(updates)"
}

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

# An ExaBGP whose relay garbles one of the routes, so that it is refused.
refusing_exabgp() {
    cat >"$LAB_DIR/refusing" <<-'END'
	#!/bin/sh
	[ "$1" != --version ] || exec exabgp --version
	sed "s|run \(.*\);|run $(dirname "$0")/garbling \1;|" "$1" >"$1.garbled"
	exec exabgp "$1.garbled"
	END
    cat >"$LAB_DIR/garbling" <<-'END'
	#!/bin/sh
	"$@" | sed -u 's|192.0.2.66/32|192.0.2.66/33|'
	END
    chmod 755 "$LAB_DIR/refusing" "$LAB_DIR/garbling"
}

command_refused() {
    refusing_exabgp
    again "" --exabgp "$LAB_DIR/refusing"
    took "it has the routes" recovered
    # shellcheck disable=SC2086
    tell lb1 want 192.0.2.66 192.0.2.67 $LAB_VIPS
    expect_soon "a route is refused, the next is announced" has_routes "192\.0\.2\.67" 1
    expect_soon "the status says which" says lb1 '.peers[0].last_error | test("exabgp refused .*announce route 192.0.2.66/32")'
    expect "and counts it as missing" says lb1 '.peers[0] | .wanted == 3 and .announced == 2'
    # shellcheck disable=SC2086
    tell lb1 want $LAB_VIPS
    took "without it all is as wanted" recovered
}

agent_stopped() {
    again
    took "it has the routes" recovered
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
    unusable "ExaBGP dies at once" "exabgp ended: exit status 3: oops" \
        '[ "$1" = --version ] && exec exabgp --version; echo oops; exit 3'
    expect_soon "its deaths go on" says lb1 ".restarts >= 4"
    expect_equal "later and later" "250 500 1000 2000" \
        "$(sed -n 's/.*started again in \(.*\) ms/\1/p' "$(log_of lb1-announcer)" | head -n 4 | paste -sd ' ')"
}

# --- graceful restart ------------------------------------------------------------------------------------------------

graceful_restart() {
    again "graceful_restart: 30s"
    took "it has the routes" recovered
    tell lb1 want 192.0.2.10 192.0.2.11 2001:db8:1::10
    took "and one more" has_routes "192\.0\.2\.11" 1
    stop lb1-announcer KILL || true
    await "BIRD to have noticed" bird_keeps_stale_routes
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

bird_keeps_stale_routes() {
    (($(birdc show protocols all | grep -c 'Neighbor graceful restart active') == 2))
}

# -----------------------------------------------------------------------------------------------------------------------

lab_up
remove_static_routes
start_announcer lb1
absent_router
exabgp_killed
exabgp_stopped
relay_killed
command_refused
agent_stopped
graceful_restart
start_announcer lb1
passwords
wrong_as
unusable_exabgp
