#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What administrators, scrapers and other tools do to a balancer, under 5,000 connections and BGP: no connection breaks,
# and no route changes. Then the same for five minutes with an agent that is built with sanitizers, if there is one.
# SOAK_CONNECTIONS and SOAK_SECONDS say otherwise.
#
#     client --- router (BIRD) === BGP === lb1, lb2 ---> be1, be2, be3
set -euo pipefail
LAB_TIMEOUT=60
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
. "$LAB_ROOT/tests/system/connections.sh"
# shellcheck disable=SC2034 # router.sh
speaker=agent
. "$LAB_ROOT/tests/system/accidents.sh"
cd "$LAB_ROOT"
lab_enter "$@"

config=$LAB_DIR/lb1.yaml
SANITIZED=$LAB_ROOT/build-asan/guideway

attached_anew() {
    [[ $(link_id lb1) != "$1" ]] && attached lb1
}

answers() {
    [[ -S $(runtime_dir_of lb1)/control.sock ]] && status lb1 '.agent.process > 0'
}

put_config() {
    cat >"$config.new"
    mv "$config.new" "$config"
}

# --- peers -----------------------------------------------------------------------------------------------------------

peers_are() {
    status lb1 ".bgp.peers | length == $1"
}

peer_added() {
    balancer_config lb1 | sed 's/^  peers:.*/&\n    - {address: 10.0.0.2, as: 64512, hold_time: 9s}/' | put_config
    guideway lb1 reload
}

peer_removed() {
    balancer_config lb1 | put_config
    guideway lb1 reload
}

# --- who asks --------------------------------------------------------------------------------------------------------

# Sixty at a time, again and again.
scrape_storm() {
    local round i scrapes
    for round in {1..5}; do
        scrapes=()
        for i in {1..60}; do
            on lb1 curl -sS -m 30 -o "$LAB_DIR/scrape-$i" http://127.0.0.1:9660/metrics &
            scrapes+=($!)
        done
        for i in "${scrapes[@]}"; do
            wait "$i" || fail "a scrape in round $round failed"
        done
    done
}

silent_clients() {
    start silent lb1 "$LAB_ROOT/tests/system/loiterers.py" silent 127.0.0.1:9660 --count 200
    await "connections that say nothing" grep -q "were opened" "$(log_of silent)"
    expect "somebody else is served" on lb1 curl -sS -m 10 -o /dev/null http://127.0.0.1:9660/readyz
    stop silent || true
}

# --- files -----------------------------------------------------------------------------------------------------------

# Its first half is valid, and has no service any more.
half_written() {
    local since
    since=$(date +%s)
    {
        balancer_config lb1 | sed '/^services:/,$d'
        echo "services: []"
        await "three looks of the agent's" eval "((\$(date +%s) > $since + 3))"
        balancer_config lb1 | sed '1,/^services:/d'
    } >"$config"
    peer_removed
}

# --- all of it -------------------------------------------------------------------------------------------------------

rows() {
    accident "nothing" true
    accident "the pin of its link is removed" rm "$(link_pin lb1)" -- has_link_pin lb1
    accident "its link is detached" detach_link lb1 -- attached_anew "$(link_id lb1)"
    accident "all its pins are removed" rm -r "$(pins_of lb1)" -- has_link_pin lb1
    accident "its interface is renamed" rename_interface lb1 eth0 wan0 -- follows lb1 eth0 wan0
    accident "and back" rename_interface lb1 wan0 eth0 -- follows lb1 wan0 eth0
    accident "the filter of its probes is removed" tc -n lb1 qdisc delete dev eth0 clsact -- has_filter lb1
    accident "its control socket is removed" rm "$(runtime_dir_of lb1)/control.sock" -- answers
    accident "its runtime_dir is removed" rm -r "$(runtime_dir_of lb1)" -- answers
    accident "a BGP peer is added" peer_added -- peers_are 3
    accident "and removed" peer_removed -- peers_are 2
    accident "300 scrapes, 60 at a time" scrape_storm
    accident "200 clients that say nothing" silent_clients
    accident "a file that is half written for three seconds" half_written
}

has_filter() {
    tc -n "$1" filter show dev eth0 egress | grep -q probe_encap
}

# What the agent of lb1 has: "MiB of memory, descriptors".
has_now() {
    local process
    process=$(pid_of lb1-agent)
    echo "$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$process/status") MiB," \
        "$(find "/proc/$process/fd" -mindepth 1 | wc -l) descriptors"
}

# The rows again and again, under an agent that is built to notice every leak and every wrong access.
under_sanitizers() {
    local seconds=$1 end=$((SECONDS + $1)) rounds=0 held
    held=()
    stop lb1-agent KILL || true
    GUIDEWAY=$SANITIZED run_agent lb1
    await "lb1 to be announced again" goes_via "lb1 lb2"
    reopen
    while ((SECONDS < end)); do
        rows
        held+=("$(has_now)")
        echo "round $((++rounds)): the agent has ${held[-1]}"
    done
    stop lb1-agent || fail "the agent ended with status $?"
    ! grep -qE 'ERROR: |runtime error' "$(log_of lb1-agent)" || fail "the sanitizers found something"
    echo "ok: $rounds rounds in $seconds s under the sanitizers: nothing is found; first ${held[0]}, last ${held[-1]}"
}

accidents_up "${SOAK_CONNECTIONS:-5000}" --idle-every 1000 --request-every 1000 --churn 20 --timeout 15000
rows
print_accidents
[[ ! -x $SANITIZED ]] || under_sanitizers "${SOAK_SECONDS:-300}"
