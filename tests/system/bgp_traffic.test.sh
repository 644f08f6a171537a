#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016
#
# What clients notice when balancers come, go, die and return: traffic follows the routes that the agents announce to
# BIRD, and then to FRR.
#
#     client --- router === BGP over IPv4 and IPv6 === lb1, lb2, lb3 ---> be1, be2
set -euo pipefail
LAB_BALANCERS=3
LAB_BACKENDS=2
LAB_TIMEOUT=30
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
lab_enter "$@"

FLOWS=4000
PER_FLOW=3

# write_config lb1 [PEER_KEYS]
write_config() {
    {
        bgp_config "$1" "${2-}" | sed '/^services:/d'
        cat <<-END
		services:
		  - name: web
		    listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp"]
		    health: {check: http, timeout: 200ms, rise: 2, ${pace:-interval: 250ms, fall: 2}}
		    backends: [{name: be1, address: 10.0.0.101}, {name: be2, address: 10.0.0.102}]
		  - name: numbered
		    listen: ["192.0.2.10:9000/udp", "[2001:db8:1::10]:9000/udp"]
		    announce: {when: all}
		    backends: [{name: be1, address: 10.0.0.101}, {name: be2, address: 10.0.0.102}]
		END
    } >"$LAB_DIR/$1.yaml"
}

# run_agent lb1 [PEER_KEYS]
run_agent() {
    write_config "$@"
    start_agent "$1" "$LAB_DIR/$1.yaml"
    await "$1 to be ready" agent_ready "$1"
}

of_apps() {
    local backend
    for backend in $(lab_backends); do
        kill "-$1" "$(pid_of "$backend-app")"
    done
}

# --- spread ----------------------------------------------------------------------------------------------------------

# spread VIP BALANCER...: each gets its share of the flows.
spread() {
    local vip=$1 balancer share before=() measured=()
    shift
    for balancer; do
        before[${balancer#lb}]=$(service_packets "$balancer" numbered)
    done
    LAB_VIPS=$vip start_numbered 9000 --flows $FLOWS --count $((FLOWS * PER_FLOW))
    await "all datagrams to be sent" eval '! running numbered'
    finish_numbered >/dev/null
    expect "$vip: $outcome" clean
    for balancer; do
        share=$((($(service_packets "$balancer" numbered) - before[${balancer#lb}]) / PER_FLOW))
        (((share * $# - FLOWS) * 10 <= FLOWS && (FLOWS - share * $#) * 10 <= FLOWS)) ||
            fail "$vip: $balancer gets $share of $FLOWS flows over $# balancers"
        measured+=("$balancer $share")
    done
    echo "ok: $vip: $FLOWS flows over $# balancers are spread within 10 % ($(paste -sd , <<<"$(printf '%s\n' "${measured[@]}")"))"
}

spread_over() {
    local vip
    for vip in $LAB_VIPS; do
        spread "$vip" "$@"
    done
}

# --- leaving and dying -------------------------------------------------------------------------------------------------

# one_is_terminated lb3 "lb1 lb2": the first, and the others.
one_is_terminated() {
    start route-watch router ip monitor route
    start_numbered 9000
    await_traffic "$1"
    expect "$daemon: $1 gets SIGTERM, and ends" stop "$1-agent"
    expect "$daemon: then no route leads to it" goes_via "$2"
    finish_numbered
    expect "$daemon: and no packet is lost" clean
    expect_no_gap
}

# The router exchanges routes in one step.
expect_no_gap() {
    stop route-watch || true
    expect "and no route was ever gone" eval '! grep -q "^Deleted" "$(log_of route-watch)"'
}

# await_traffic lb1: it forwards numbered datagrams from now on.
await_traffic() {
    await "traffic" has_forwarded_more "$1" $(($(service_packets "$1" numbered) + 50))
}

has_forwarded_more() {
    (($(service_packets "$1" numbered) > $2))
}

# downloads COUNT: so many begin, which last longer than what happens to the balancers.
begin_downloads() {
    local i
    for i in $(seq "$1"); do
        start_download "download$i" 192.0.2.10 3000000 500K
    done
    for i in $(seq "$1"); do
        await "download $i to begin" has_begun "download$i"
    done
}

all_are_intact() {
    local i
    for i in $(seq "$1"); do
        finish_download "download$i"
        [[ $outcome == intact ]] || fail "download $i: $outcome"
    done
    echo "ok: $1 established downloads complete"
}

one_is_killed_and_started() {
    start route-watch router ip monitor route
    start_numbered 9000
    begin_downloads 8
    stop lb1-agent KILL || true
    run_agent lb1
    took "$daemon: lb1's agent is killed and started: the next one takes ExaBGP over" taken_over lb1
    finish_numbered
    expect "no packet is lost" clean
    all_are_intact 8
    expect_no_gap
}

taken_over() {
    grep -q "exabgp of an earlier agent is taken over" "$(log_of "$1-agent")" &&
        status "$1" '.bgp | .running and ([.peers[] | .state == "established" and .wanted == .announced] | all)'
}

one_is_killed() {
    start_numbered 9000
    begin_downloads 8
    stop lb2-agent KILL || true
    took "$daemon: lb2's agent is killed, and nothing holds its routes: they go" goes_via lb1
    finish_numbered
    expect "no packet is lost, for its kernel goes on forwarding" clean
    all_are_intact 8
}

# The machine is gone: nothing tells the router but silence.
one_vanishes() {
    begin_downloads 8
    ip -n lb2 link set eth0 down
    took "$daemon: lb2's host vanishes (hold time 3 s): its routes go" goes_via lb1
    all_are_intact 8
    stop lb2-agent KILL || true
    ip -n lb2 link set eth0 up
    ip -n lb2 route replace default via 10.0.0.1
    ip -n lb2 route replace default via 2001:db8:f::1
}

# A backend that fails meanwhile makes its checks take longer than any other part of a start.
one_restarts_gracefully() {
    stop lb1-agent || fail "the agent ended with status $?"
    local pace="interval: 1500ms, fall: 4" HOLD_AFTER_KILL=0s
    run_agent lb1 "graceful_restart: 30s"
    took "$daemon: lb1 negotiates graceful restart, and is announced once all is judged" goes_via lb1
    expect_soon "End-of-RIB has been sent" in_step_with_router
    start route-watch router ip monitor route
    start_numbered 9000
    await_traffic lb1
    kill -STOP "$(pid_of be2-app)"
    stop lb1-agent KILL || true
    expect_soon "its agent is killed: $daemon keeps the routes" router_keeps_stale_routes
    run_agent lb1 "graceful_restart: 30s"
    took "it is started again: it has announced them anew" announced_anew
    kill -CONT "$(pid_of be2-app)"
    finish_numbered
    expect "no packet is lost" clean
    expect_no_gap
    stop lb1-agent || fail "the agent ended with status $?"
    took "SIGTERM withdraws them all the same" goes_via ""
}

in_step_with_router() {
    status lb1 '.bgp | .running and ([.peers[] | .state == "established" and .wanted == 1 and .announced == 1] | all)'
}

announced_anew() {
    in_step_with_router && ! router_keeps_stale_routes
}

# --- health ------------------------------------------------------------------------------------------------------------

backends_fail_and_return() {
    run_agent lb1
    took "lb1 is announced after warm-up" goes_via lb1
    expect "not before" judged_before_announced
    of_apps STOP
    took "its last healthy backend dies: withdrawn" goes_via ""
    expect_equal "status says why" "web: 0 healthy, min_healthy is 1" "$(status lb1 '.bgp.vips[0].reason')"
    of_apps CONT
    took "a backend comes back: announced" goes_via lb1
}

judged_before_announced() {
    [[ $(grep -oE 'every backend has been judged|info: announced' "$(log_of lb1-agent)" | head -n 1) == every* ]]
}

# ---------------------------------------------------------------------------------------------------------------------

# What was moved for one router is not to be learnt of while the next one sends flows elsewhere.
forget_all() {
    local balancer
    for balancer in $(lab_balancers); do
        on "$balancer" rm -rf "$(pins_of "$balancer")" "$(runtime_dir_of "$balancer")"
    done
}

balancers_come_go_and_die() {
    start_router "$1"
    run_agent lb1
    HOLD_AFTER_KILL=0s run_agent lb2
    took "$daemon: two balancers announce" goes_via "lb1 lb2"
    spread_over lb1 lb2
    run_agent lb3
    took "$daemon: a third announces" goes_via "lb1 lb2 lb3"
    spread_over lb1 lb2 lb3
    one_is_terminated lb3 "lb1 lb2"
    one_is_killed_and_started
    one_is_killed
    HOLD_TIME=3s HOLD_AFTER_KILL=0s run_agent lb2
    took "$daemon: it is back" goes_via "lb1 lb2"
    one_vanishes
    one_restarts_gracefully
    backends_fail_and_return
    stop lb1-agent
    stop_router
    forget_all
}

lab_up
remove_static_routes
keep_client_buffers_small
start_backends be1 be2
balancers_come_go_and_die bird
balancers_come_go_and_die frr
