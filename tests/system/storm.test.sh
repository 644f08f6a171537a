#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# 50 restarts, 50 upgrades and 50 reloads of the agent, under numbered datagrams: none is lost, none comes twice.
#
#     client --- router --- lb1 ---> be1, be2, be3
#            20,000/s, 200 flows, over IPv4 and IPv6
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

times=50
config=$LAB_DIR/lb.yaml

# write_config ROUND: what carries the datagrams keeps its table, whatever else changes from round to round: its
# backends' names and order, more of them without weight (their entries have to move), the services beside it.
write_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: round-$1
	    listen: ["192.0.2.10:$((1000 + $1))/udp"]
	    backends: [10.0.0.101]
	  - name: changing
	    listen: ["192.0.2.10:80/tcp", "192.0.2.10:$((2000 + $1))/tcp"]
	    backends: [{address: 10.0.0.101, weight: $((1 + $1))}, 10.0.0.102]
	END
    carrying_service numbered4 192.0.2.10:9000/udp 10.0.0. "$1"
    carrying_service numbered6 "[2001:db8:1::10]:9000/udp" 2001:db8:f:: "$1"
}

# carrying_service NAME LISTENER PREFIX ROUND
carrying_service() {
    local number order=(101 102 103)
    ((${4} % 2)) || order=(103 102 101)
    printf '  - name: %s\n    listen: ["%s"]\n    backends:\n' "$1" "$2"
    for number in "${order[@]}"; do
        printf '      - {name: be%d-%d, address: "%s%d"}\n' "$number" "$4" "$3" "$number"
    done
    for ((number = 120; number < 120 + 4 * ($4 % 5); number++)); do
        printf '      - {address: "%s%d", weight: 0}\n' "$3" "$number"
    done
}

carrying_digests() {
    digests lb1 | grep numbered | cut -d' ' -f1,3
}

# run_agent [BINARY]: starts it, until it is ready.
run_agent() {
    start lb1-agent lb1 "${1:-$GUIDEWAY}" agent -c "$config" --pins "$(pins_of lb1)" \
        --runtime-dir "$(runtime_dir_of lb1)"
    await "lb1 to be ready" agent_ready lb1
}

restart() {
    local signals=(TERM KILL)
    stop lb1-agent "${signals[$1 % 2]}" || true
    run_agent
}

# Every tenth to another version of the maps' layout, too: those pinned are not adopted.
upgrade() {
    local binaries=("$GUIDEWAY" "$GUIDEWAY_UPGRADED") before
    before=$(program_tag lb1)
    stop lb1-agent || true
    (($1 % 10)) || pretend_other_abi lb1
    run_agent "${binaries[$1 % 2]}"
    [[ $(program_tag lb1) != "$before" ]] || fail "upgrade $1: the program is still the one with the tag $before"
    (($1 % 10)) || grep -q 'not adopted.*ABI version 999' "$(log_of lb1-agent)" || fail "upgrade $1: maps adopted"
}

reload() {
    write_config "$1" >"$config.new"
    mv "$config.new" "$config"
    case $(($1 % 3)) in
    0) on lb1 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)" || fail "reload $1 is refused" ;;
    1) kill -HUP "$(pid_of lb1-agent)" ;;
    2) ;; # the agent watches the file
    esac
    await "reload $1" reloaded "$1"
}

reloaded() {
    status lb1 "any(.services[]; .name == \"round-$1\") and .agent.last_reload.ok"
}

# storm "what" OPERATION: that many times, numbered from 1, under traffic.
storm() {
    local round link digest
    link=$(link_id lb1)
    digest=$(carrying_digests)
    start_numbered 9000
    for ((round = 1; round <= times; round++)); do
        "$2" "$round"
    done
    finish_numbered
    expect "$times $1: no datagram is lost, none duplicated" clean
    expect_equal "$times $1: the link is the same" "$link" "$(link_id lb1)"
    expect_equal "$times $1: the tables are the same" "$digest" "$(carrying_digests)"
}

look() {
    status lb1 .agent >/dev/null
}

lab_up
start_backends be1 be2 be3
write_config 0 >"$config"
run_agent

LAB_VERBOSE=
storm "looks at the status" look
storm "restarts" restart
storm "upgrades" upgrade
storm "reloads" reload
