#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What administrators, scrapers and other tools do to a balancer, under 5,000 connections and BGP: no connection breaks,
# and no route changes. Then at random for five minutes with an agent that is built with sanitizers, if there is one.
# SOAK_CONNECTIONS, SOAK_SECONDS and SOAK_SEED say otherwise.
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

# Twenty at a time, again and again.
scrape_storm() {
    local round i scrapes
    for round in {1..5}; do
        scrapes=()
        for i in {1..20}; do
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

kinds=(link_pin_removed link_detached all_pins_removed renamed_and_back filter_removed socket_removed runtime_dir_removed
    peer_comes_and_goes scrapes clients_that_say_nothing half_a_file a_fifo service_zeroed backend_loses_vip backend_loses_decap)

link_pin_removed() {
    accident "the pin of its link is removed" rm "$(link_pin lb1)" -- has_link_pin lb1
}

link_detached() {
    accident "its link is detached" detach_link lb1 -- attached_anew "$(link_id lb1)"
}

all_pins_removed() {
    accident "all its pins are removed" rm -r "$(pins_of lb1)" -- has_link_pin lb1
}

renamed_and_back() {
    accident "its interface is renamed" rename_interface lb1 eth0 wan0 -- is_called wan0
    accident "and back" rename_interface lb1 wan0 eth0 -- is_called eth0
}

is_called() {
    attached lb1 && status lb1 "(.agent.renamed.eth0 // \"eth0\") == \"$1\""
}

filter_removed() {
    accident "the filter of its probes is removed" tc -n lb1 qdisc delete dev eth0 clsact -- has_filter lb1
}

has_filter() {
    tc -n "$1" filter show dev eth0 egress | grep -q probe_encap
}

socket_removed() {
    accident "its control socket is removed" rm "$(runtime_dir_of lb1)/control.sock" -- answers
}

runtime_dir_removed() {
    accident "its runtime_dir is removed" rm -r "$(runtime_dir_of lb1)" -- answers
}

peer_comes_and_goes() {
    accident "a BGP peer is added" peer_added -- peers_are 3
    accident "and removed" peer_removed -- peers_are 2
}

scrapes() {
    accident "100 scrapes, 20 at a time" scrape_storm
}

clients_that_say_nothing() {
    accident "200 clients that say nothing" silent_clients
}

half_a_file() {
    accident "a file that is half written for three seconds" half_written
}

a_fifo() {
    accident "a FIFO in the place of its file" fifo_for_a_while
}

fifo_for_a_while() {
    local refused
    refused=$(status lb1 .agent.refused_reloads)
    mkfifo "$config.fifo"
    mv "$config.fifo" "$config"
    await "it to be refused" status lb1 ".agent.refused_reloads > $refused"
    peer_removed
}

service_zeroed() {
    accident "a service's entry is zeroed by another tool" zero_service -- has_its_service
}

has_its_service() {
    in_kernel lb1 '[.services[].name] == ["held"]'
}

backend_loses_vip() {
    accident "a VIP is removed from a backend's lo" ip -n be1 address del 192.0.2.10/32 dev lo -- has_vips be1
}

backend_loses_decap() {
    accident "a backend's decap is detached" detach_link be1 -- xdp_attached be1
}

# What the agent of lb1 has: MiB of memory.
memory() {
    awk '/^RssAnon/ { print int($2 / 1024) }' "/proc/$(pid_of lb1-agent)/status"
}

descriptors() {
    find "/proc/$(pid_of lb1-agent)/fd" -mindepth 1 | wc -l
}

rows() {
    local kind
    accident "nothing" true
    for kind in "${kinds[@]}"; do
        "$kind"
    done
}

# Accidents at random, under an agent that is built to notice every leak and every wrong access.
under_sanitizers() {
    local end=$((SECONDS + $1)) happened=0 first_memory first_descriptors
    RANDOM=$2
    echo "at random for $1 s, seed $2"
    stop lb1-agent KILL || true
    # What is freed is kept from use for a while, by default as long as it is less than 256 MiB.
    export ASAN_OPTIONS=quarantine_size_mb=8
    GUIDEWAY=$SANITIZED run_agent lb1
    unset ASAN_OPTIONS
    await "lb1 to be announced again" goes_via "lb1 lb2"
    reopen
    rows
    first_memory=$(memory)
    first_descriptors=$(descriptors)
    while ((SECONDS < end)); do
        "${kinds[RANDOM % ${#kinds[@]}]}"
        ((++happened % 20)) || echo "after $happened accidents: $(memory) MiB, $(descriptors) descriptors"
    done
    echo "at first $first_memory MiB and $first_descriptors descriptors; after $happened more accidents $(memory) and $(descriptors)"
    expect "memory is flat" test "$(memory)" -le $((first_memory * 5 / 4 + 16))
    expect "descriptors are as many" test "$(descriptors)" -le $((first_descriptors + 5))
    stop lb1-agent || fail "the agent ended with status $?"
    expect "the sanitizers found nothing" eval '! grep -qE "ERROR: |runtime error" "$(log_of lb1-agent)"'
}

accidents_up "${SOAK_CONNECTIONS:-5000}" --idle-every 1000 --request-every 1000 --churn 20 --timeout 15000
rows
print_accidents
[[ ! -x $SANITIZED ]] || under_sanitizers "${SOAK_SECONDS:-300}" "${SOAK_SEED:-$RANDOM}"
