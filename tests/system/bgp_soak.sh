#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# A lifetime of random events, after each of which the router's routes are what the status claims.
#
#   bgp_soak.sh [EVENTS [SEED]]       200 events by default; the seed is printed
. "$(dirname "${BASH_SOURCE[0]}")/bgp.sh"
lab_enter "$@"

events=${1:-200}
seed=${2:-$RANDOM}
RANDOM=$seed
LAB_VERBOSE=
LAB_TIMEOUT=60 # ExaBGP waits longer and longer for a router that is not there
declare -A wanted=([lb1]='' [lb2]='')

# What the router should have and has: "VIP balancers" lines.
routes_wanted() {
    local vip balancer names
    for vip in 192.0.2.{10..14} 2001:db8:1::{10..14}; do
        names=()
        for balancer in lb1 lb2; do
            [[ " ${wanted[$balancer]} " != *" $vip "* ]] || names+=("$balancer")
        done
        ((${#names[@]} == 0)) || echo "$vip ${names[*]}"
    done
}

routes_there() {
    local vip names
    for vip in 192.0.2.{10..14} 2001:db8:1::{10..14}; do
        names=$(via "$vip")
        [[ -z $names ]] || echo "$vip $names"
    done
}

router_agrees() {
    in_step lb1 && in_step lb2 && [[ $(routes_there) == "$(routes_wanted)" ]]
}

change() {
    # In this shell: a subshell has a RANDOM of its own.
    local vip chosen=
    for vip in 192.0.2.{10..14} 2001:db8:1::{10..14}; do
        ((RANDOM % 2)) || chosen+=" $vip"
    done
    wanted[$1]=$chosen
    tell "$1" "want$chosen"
}

flap() {
    local i
    for ((i = 0; i < 10; i++)); do
        change "$1"
    done
}

restart() {
    stop "$1-announcer" KILL || true
    start_announcer "$1"
    tell "$1" "want${wanted[$1]}"
}

# event lb1: something happens to it, as $what says.
event() {
    case $((RANDOM % 10)) in
    0 | 1 | 2) what="wants others" && change "$1" ;;
    3) what="changes its mind ten times" && flap "$1" ;;
    4) what="loses ExaBGP" && kill -KILL "$(exabgp_of "$1")" ;;
    5) what="has ExaBGP stopped" && kill -STOP "$(exabgp_of "$1")" && change "$1" ;;
    6) what="loses the relay" && kill -KILL "$(relay_of "$1")" && change "$1" ;;
    7) what="leaves, and stays after all" && tell "$1" leave && tell "$1" stay ;;
    8) what="is killed and started" && restart "$1" ;;
    9) what="sees the router restart" && stop_router && start_router "$daemon" ;;
    esac
}

lab_up
remove_static_routes
start_router bird
for balancer in lb1 lb2; do
    start_announcer "$balancer"
    change "$balancer"
done
echo "seed $seed"
took "the router agrees" router_agrees
for ((number = 1; number <= events; number++)); do
    balancer=lb$((RANDOM % 2 + 1))
    event "$balancer"
    took "event $number of $events: $balancer $what; the router agrees" router_agrees
done
