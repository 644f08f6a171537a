#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# `guideway trace` says what the program then does: with all up, with a backend out, while slots move, for a client that
# is denied, without a listener, a next hop, an agent.
#
#     client --- router --- lb1 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

config=$LAB_DIR/lb.yaml
client=203.0.113.2
vip=192.0.2.10

write_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: web
	    listen: ["$vip:80/tcp"]
	    backends: [{name: be1, address: 10.0.0.101}, {name: be2, address: 10.0.0.102}, {name: be3, address: 10.0.0.103}]
	  - name: closed
	    listen: ["$vip:81/tcp"]
	    deny: [203.0.113.0/24]
	    backends: [{name: be1, address: 10.0.0.101}]
	  - name: lost
	    listen: ["$vip:82/tcp"]
	    backends: [10.0.0.199]
	END
}

# trace PORT DESTINATION [OPTION...]: the flow from that port of the client's.
trace() {
    on lb1 "$GUIDEWAY" trace "$client:$1 -> $2/tcp" --runtime-dir "$(runtime_dir_of lb1)" "${@:3}"
}

# says PORT DESTINATION FILTER: what jq's FILTER makes of it.
says() {
    trace "$1" "$2" --json | jq -er "$3"
}

order() {
    on lb1 "$GUIDEWAY" "$@" --runtime-dir "$(runtime_dir_of lb1)"
}

# The host that answers, by the address that is traced.
name_of() {
    echo "be$((${1##*.} - 100))"
}

# tells_right WHAT FIRST_PORT: of 20 flows, before each has sent a packet.
tells_right() {
    local port told answered
    for ((port = $2; port < $2 + 20; port++)); do
        told=$(name_of "$(says "$port" "$vip:80" .first_packet.backend)")
        answered=$(http_requests "$vip" 1 "$port")
        [[ $told == "$answered" ]] || fail "$1: port $port goes to $answered; trace says $told"
    done
    echo "ok: $1: 20 flows go where trace says"
}

# refuses PORT DESTINATION WORDS [OPTION...]: and exits with 1.
refuses() {
    local status=0
    trace "$1" "$2" "${@:4}" >"$LAB_DIR/traced" 2>&1 || status=$?
    ((status == 1)) && grep -qE -- "$3" "$LAB_DIR/traced"
}

# A slow download from a port of its own, whose slot then moves.
moving_slot() {
    local owner
    owner=$(says 30001 "$vip:80" .first_packet.backend)
    start held client curl --silent --limit-rate 2K --local-port 30001 --output "$LAB_DIR/held.blob" \
        "$(url "$vip" /blob/30000000)"
    await "the download to begin" has_begun held
    order drain "$(name_of "$owner")"
    expect_equal "its slot moves: older packets go where they went" "$owner" "$(says 30001 "$vip:80" .later_packets.backend)"
    expect "a new flow goes elsewhere" test "$owner" != "$(says 30001 "$vip:80" .first_packet.backend)"
    expect_equal "for it moves from there" "$owner" "$(says 30001 "$vip:80" .former)"
    expect_soon "once a packet has come, it has a record" says 30001 "$vip:80" ".record.backend == \"$owner\""
    expect "which is printed" eval 'trace 30001 "$vip:80" | grep -qE "^record  $owner, idle [0-9.]+ s$"'
    stop held || true
    order undrain "$(name_of "$owner")"
}

some_stand_in() {
    local port
    for port in {20200..20220}; do
        says "$port" "$vip:80" .base_owner
    done | grep -c 10.0.0.101 >"$LAB_DIR/stand-ins"
}

lab_up
write_config >"$config"
start_backends be1 be2 be3
start_agent lb1 "$config"
await "lb1 to be ready" eval 'says_attached lb1-agent && next_hop_is lb1 web 10.0.0.103 "$(lab_mac be3)"'

tells_right "all up" 20000
expect "the slot rests" eval 'trace 20000 "$vip:80" | grep -q "^why     the slot rests$"'
moving_slot
order disable be1 --service web
tells_right "be1 is out" 20100
expect "some flows have a stand-in for it" some_stand_in
expect "a denied client" refuses 20300 "$vip:81" "^client  denied"
expect_equal "by name" client_denied "$(trace 20300 "$vip:81" --json | jq -r .first_packet.verdict || true)"
expect "a port without a listener" refuses 20300 "$vip:83" "^no_listener: no service listens on $vip:83"
expect "an address that is no VIP" refuses 20300 192.0.2.99:80 "^not_vip: "
expect "no next hop" refuses 20300 "$vip:82" "^first   dropped: no_next_hop to 10.0.0.199$"
expect "the configuration alone: a denied client" refuses 20300 "$vip:81" "^client  denied" -c "$config"
expect "without a listener" refuses 20300 "$vip:83" "^no_listener: " -c "$config"

stop lb1-agent KILL || true
expect "without an agent: what to name" refuses 20400 "$vip:80" "without an agent, name its configuration and its pins: -c and --pins"
by_pins=(-c "$config" --pins "$(pins_of lb1)")
told=$(name_of "$(trace 20400 "$vip:80" --json "${by_pins[@]}" | jq -r .first_packet.backend)")
expect_equal "by those: as the kernel goes on" "$(http_requests "$vip" 1 20400)" "$told"
sed -i 's/5b7a/5b7b/' "$config"
expect "not with another hash key" refuses 20401 "$vip:80" "has another hash key" "${by_pins[@]}"
