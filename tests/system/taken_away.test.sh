#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What somebody takes away from balancers and backends while they run comes back, with a line in the log. Meanwhile no
# connection breaks, and no route changes.
#
#     client --- router (BIRD) === BGP === lb1, lb2 ---> be1, be2, be3
set -euo pipefail
LAB_TIMEOUT=30
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
. "$LAB_ROOT/tests/system/connections.sh"
# shellcheck disable=SC2034 # router.sh
speaker=agent
. "$LAB_ROOT/tests/system/accidents.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# --- a balancer's ----------------------------------------------------------------------------------------------------

links() {
    local before
    before=$(link_id lb1)
    accident "the pin of its link is removed" rm "$(link_pin lb1)" -- has_link_pin lb1
    expect_equal "the pin is of the same link" "$before" "$(link_id lb1)"
    expect_soon "the log says so" said lb1 'the pin of its link was gone; pinned again'
    accident "its link is detached" detach_link lb1 -- attached_anew "$before"
    expect_soon "the log says so" said lb1 'the program had been detached; attached again'
    accident "all its pins are removed" rm -r "$(pins_of lb1)" -- has_all_pins
    expect_soon "the log says so" said lb1 'had gone; pinned again'
    restart_agent lb1
    expect "the next agent adopts what was pinned again" said lb1 'took over from an earlier agent'
}

has_all_pins() {
    has_link_pin lb1 && (($(find "$(pins_of lb1)" -type f | wc -l) >= 13)) && in_kernel lb1 '.services | length == 1'
}

names() {
    local before
    before=$(link_id lb1)
    accident "its interface is renamed" rename_interface lb1 eth0 wan0 -- follows lb1 eth0 wan0
    restart_agent lb1
    expect_equal "an agent that starts then finds it by the link" "$before" "$(link_id lb1)"
    balancer_config lb1 wan0 >"$LAB_DIR/lb1.yaml"
    guideway lb1 reload
    expect_equal "the file says the new name: the link stays" "$before" \
        "$(bpftool -j link show pinned "$(link_pin lb1 wan0)" | jq .id)"
    expect "under its new name alone" eval "! has_link_pin lb1"
    balancer_config lb1 >"$LAB_DIR/lb1.yaml"
    accident "it is renamed back, and the file again" back_to_eth0 -- has_link_pin lb1
    expect_equal "the link is the same all along" "$before" "$(link_id lb1)"
}

back_to_eth0() {
    rename_interface lb1 wan0 eth0
    guideway lb1 reload
}

# Another interface has the name by now: the program stays where it is.
impostor() {
    local before
    before=$(link_id lb1)
    accident "its interface is renamed once more" rename_interface lb1 eth0 wan0 -- follows lb1 eth0 wan0
    ip -n lb1 link add eth0 type veth peer name eth0-peer
    ip -n lb1 link set eth0 up
    accident "another one takes its name" guideway lb1 reload -- attached lb1
    expect_equal "the link is the same" "$before" "$(link_id lb1)"
    restart_agent lb1
    expect_equal "for the next agent, too" "$before" "$(link_id lb1)"
    checkpoint
    expect_none_broken "another one has its name"
    ip -n lb1 link delete eth0
    accident "it has its name again" rename_interface lb1 wan0 eth0 -- follows lb1 wan0 eth0
}

# What others write into its maps, where it does not look for each packet.
maps() {
    accident "a service's entry is zeroed" zero_service -- said lb1 'map services: somebody changed'
    accident "a prefix of its clients is deleted" delete_client -- said lb1 'map .*clients: somebody changed'
    checkpoint
    expect_none_broken "what was changed is written anew"
}


# Of the filter that the service has now.
delete_client() {
    local map filter key
    map=$(pins_of lb1)/clients
    filter=$(bpftool -j map lookup pinned "$(pins_of lb1)/services" key 1 0 0 0 | jq .formatted.value.filter)
    mapfile -t key < <(bpftool -j map dump pinned "$map" | jq -r --argjson filter "$filter" \
        'first(.[] | select(.formatted.key.filter == $filter and .formatted.value.flags == 1)).key[]')
    bpftool map delete pinned "$map" key "${key[@]}"
}

directories() {
    local socket
    socket=$(runtime_dir_of lb1)/control.sock
    guideway lb1 drain be1
    accident "its control socket is removed" rm "$socket" -- answers
    expect_soon "the log says so" said lb1 'the control socket in it, had gone'
    accident "its runtime_dir is removed" rm -r "$(runtime_dir_of lb1)" -- answers
    expect_soon "what was said by hand is on disk again" test -s "$(runtime_dir_of lb1)/overrides.json"
    restart_agent lb1
    expect "the next agent knows what was said by hand" status lb1 '.services[0].backends[0].state == "drain"'
    guideway lb1 undrain be1
    checkpoint
    reopen
}

# Where somebody else's program took the place, nothing can be brought back; the message says how that one is taken away.
another_program() {
    local hint
    until detach_link lb1 && ip -n lb1 link set eth0 xdpdrv obj "$LAB_DIR/xdp_pass.bpf.o" sec xdp.frags; do
        await "the link to be attached again" attached lb1
    done 2>/dev/null
    took "another program has its place: the VIPs are withdrawn" goes_via lb2
    expect_soon "status says why" status lb1 '.agent.fault | test("another XDP program .id [0-9]+. is attached there")'
    hint=$(status lb1 .agent.fault | sed -n 's/.*detach it (`\([^`]*\)`.*/\1/p')
    expect "status says what to do: $hint" test -n "$hint"
    # shellcheck disable=SC2086 # words
    on lb1 $hint
    took "that was done: the VIPs are announced again" goes_via "lb1 lb2"
    checkpoint
    reopen
}

# --- a backend's -----------------------------------------------------------------------------------------------------

backend_said() {
    grep -qE "$1" "$(log_of be1-backend)"
}

on_a_backend() {
    local pins
    pins=$(pins_of be1)
    accident "a VIP is removed from a backend's lo" ip -n be1 address del 192.0.2.10/32 dev lo -- has_vips be1
    accident "and the other" ip -n be1 address del 2001:db8:1::10/128 dev lo -- has_vips be1
    accident "a backend answers ARP for all its addresses" on be1 sysctl -q -w net.ipv4.conf.eth0.arp_ignore=0 -- arp_is_silent
    accident "the pin of its decap is removed" rm "$(link_pin be1)" -- has_link_pin be1
    accident "its decap is detached" detach_link be1 -- decap_is_back
    accident "a VIP is deleted from its decap's map" delete_decap_vip -- backend_said "what 'decap_vips' holds was not as it should be"
    accident "all its pins are removed" rm -r "$pins" -- backend_said "'decap_stats' was not as it should be"
    accident "its interface is renamed" rename_interface be1 eth0 lan0 -- backend_said 'eth0 is called lan0 now'
    accident "and back" rename_interface be1 lan0 eth0 -- backend_said 'lan0 is called eth0 now'
    accident "its runtime_dir is removed" rm -r "$(runtime_dir_of be1)" -- test -s "$(runtime_dir_of be1)/undo"
    stop be1-backend TERM
    start_backend be1 --detach-on-exit
    await "be1 to unwrap" unwraps be1
    expect "a successor knows what was changed before" stop be1-backend
    expect "and undoes it: no VIP" eval "! has_vips be1"
    expect_equal "no setting" 0 "$(on be1 sysctl -n net.ipv4.conf.eth0.arp_ignore)"
    expect "no pins" test ! -e "$pins"
}

arp_is_silent() {
    (($(on be1 sysctl -n net.ipv4.conf.eth0.arp_ignore) == 1))
}

decap_is_back() {
    xdp_attached be1 && backend_said 'the program had been detached; attached again'
}

# 192.0.2.10 as an IPv6 address.
delete_decap_vip() {
    bpftool map delete pinned "$(pins_of be1)/decap_vips" key hex 00 00 00 00 00 00 00 00 00 00 ff ff c0 00 02 0a
}

accidents_up 300 --churn 5 --timeout 15000
links
names
impostor
maps
directories
another_program
on_a_backend
print_accidents
