#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Limits that are met are said, and meeting them breaks nothing else: a full flow table, too few service numbers, few
# descriptors, lists of very many clients, a log that nobody reads, a file with more errors than anybody would read, a
# state file that is none.
#
#     client --- router --- lb1 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_TIMEOUT=30
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/lb1.sh"
cd "$LAB_ROOT"
lab_enter "$@"

config=$LAB_DIR/lb.yaml

# write_config [LINE...]: the echo service, which does not serve $denied, and these lines.
write_config() {
    {
        cat <<-END
			interfaces: [eth0]
			hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
			http: 127.0.0.1:9660
			datapath: {table_size: 251, max_flows: 1000, max_services: ${max_services-16}}
			services:
			  - name: echo
			    listen: ["192.0.2.10:7/udp"]
			    tracking: always
			    idle_timeout: 3s
			    deny: [${denied-}]
			    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
		END
        printf '%s\n' "$@"
    } >"$config.new"
    mv "$config.new" "$config"
}

# service_lines NAME_PREFIX COUNT FIRST_PORT
service_lines() {
    local i
    for ((i = 0; i < $2; i++)); do
        echo "  - {name: $1$i, listen: ['192.0.2.10:$(($3 + i))/tcp'], backends: [10.0.0.101]}"
    done
}

reload() {
    guideway reload >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr"
}

said() {
    grep -qE "$1" "$(log_of lb1-agent)"
}

run_agent() {
    start_agent lb1 "$config"
    await "lb1 to be ready" agent_ready lb1
}

answers() {
    [[ $(udp_requests 192.0.2.10 10 --first-source-port "$1" | wc -l) == 10 ]]
}

# --- the flow table --------------------------------------------------------------------------------------------------

full_flow_table() {
    local port
    expect "without flows it is not full" status lb1 '.agent.degraded == [] and .flow_table == {records: 0, capacity: 1000}'
    for port in 20000 21000 22000; do
        udp_requests 192.0.2.10 1000 --first-source-port "$port" >"$LAB_DIR/answers"
        expect_equal "1000 datagrams answered" 1000 "$(wc -l <"$LAB_DIR/answers")"
    done
    udp_requests 192.0.2.10 1000 --first-source-port 23000 >"$LAB_DIR/answers"
    expect_soon "a full flow table is said by status" status lb1 '.agent.degraded[0] | test("^the flow table is full .1000 records")'
    expect "and in the log" said 'degraded: the flow table is full'
    expect "guideway status shows its room" grep -q '^flow table: [0-9]* records, room for 1000$' < <(guideway status --pins "$(pins_of lb1)")
    expect "and how many found none" grep -qE ', [0-9]+ found no room for one$' < <(guideway services --pins "$(pins_of lb1)")
    expect_equal "so do the metrics" 1 "$(on lb1 curl -sS http://127.0.0.1:9660/metrics | grep -c '^guideway_flow_records_max 1000$')"
    expect_soon "when flows have ended, nothing is missing" status lb1 '.agent.degraded == []'
}

# --- numbers ---------------------------------------------------------------------------------------------------------

# Of 15 services beside the first 14 are replaced; they and their successors are more than there are numbers.
replaced_services() {
    local lines more
    mapfile -t lines < <(service_lines old 14 1000)
    write_config "${lines[@]}"
    expect "14 services beside the first" reload
    mapfile -t lines < <(service_lines new 14 2000)
    write_config "${lines[@]}"
    expect "all of them replaced, where there are 16 numbers" reload
    expect "are the others" status lb1 '[.services[].name | select(startswith("new"))] | length == 14'
    expect "nothing is left of them" status lb1 '[.services[].name | select(startswith("old"))] | length == 0'
    expect "the first one serves" answers 30000
    mapfile -t lines < <(service_lines new 14 2000)
    mapfile -t more < <(service_lines more 2 3000)
    write_config "${lines[@]}" "${more[@]}"
    expect "more services than there are numbers are refused" eval '! reload'
    expect "by the file's own limit" grep -q 'max_services is 16' "$LAB_DIR/stderr"
    write_config
    expect "the first one alone" reload
}

# --- descriptors -----------------------------------------------------------------------------------------------------

# leave_descriptors COUNT: that the agent may open beside those it has, and holes between them. The spare ones that its
# servers keep (of /dev/null) stay below the limit: above it nothing could take their place.
leave_descriptors() {
    local process limit spare
    process=$(pid_of lb1-agent)
    spare=$(find "/proc/$process/fd" -lname /dev/null -printf '%f\n' | sort -n | tail -1)
    limit=$(comm -13 <(find "/proc/$process/fd" -mindepth 1 -printf '%f\n' | sort) <(seq "$spare" 9999 | sort) |
        sort -n | sed -n "$(($1 + 1))p")
    prlimit --pid "$process" --nofile="$limit:4096"
}

# Of what a library says of it, nothing stands alone.
few_descriptors() {
    local count
    for count in 0 1 2 3; do
        leave_descriptors "$count"
        if reload; then
            echo "ok: with $count descriptors the configuration is read"
        else
            expect "with $count descriptors a reload is refused in a sentence" \
                grep -qE '^(read|open|reload|list|watch|attach|load) .*: Too many open files' "$LAB_DIR/stderr"
        fi
        expect "nothing is forwarded less" answers $((31000 + 100 * count))
    done
    leave_descriptors 1000
    expect_soon "with descriptors it is applied" reload
}

# --- the log ---------------------------------------------------------------------------------------------------------

# A pipe that nobody reads, which holds 64 KiB.
unread_log() {
    local i
    stop lb1-agent
    mkfifo "$LAB_DIR/unread"
    exec 7<>"$LAB_DIR/unread"
    lab_pids[lb1-agent]=
    nsenter --net=/run/netns/lb1 "$GUIDEWAY" agent -c "$config" --pins "$(pins_of lb1)" \
        --runtime-dir "$(runtime_dir_of lb1)" 2>&7 &
    lab_pids[lb1-agent]=$!
    await "the agent" status lb1 '.agent.process > 0'
    write_config "$(printf '  - {name: wrong%s}\n' {1..90})"
    for i in {1..20}; do
        reload && fail "a wrong file is applied"
    done
    expect "an agent whose log nobody reads answers" status lb1 '.agent.refused_reloads >= 20'
    write_config
    expect "and obeys" reload
    expect "and ends" stop lb1-agent
    timeout 5 head -c 30000 <&7 >"$LAB_DIR/unread.log" || true
    expect "what it could say it has said" grep -q 'required key is missing' "$LAB_DIR/unread.log"
    exec 7>&-
    run_agent
}

# --- lists of clients ------------------------------------------------------------------------------------------------

# addresses COUNT FIRST_BYTE [FIRST]: so many in a row, the client's being number 28930 of 203.0.0.0/8.
addresses() {
    seq "${3-0}" $((${3-0} + $1 - 1)) | awk -v byte="$2" '
        { printf "%s%d.%d.%d.%d/32", (NR > 1 ? ", " : ""), byte, $1 / 65536, $1 / 256 % 256, $1 % 256 }'
}

# MiB of the agent's memory that is no file.
memory() {
    awk '/^RssAnon/ { print int($2 / 1024) }' "/proc/$(pid_of lb1-agent)/status"
}

# 20,000 prefixes in place of 20,000 others, and more than there is room for while both lists are there.
long_lists() {
    denied=$(addresses 20000 203 20000)
    write_config
    expect "check reads a list of 20,000 prefixes" "$GUIDEWAY" check -c "$config"
    expect "a reload puts it in force" reload
    expect_equal "a client on it is not served" 0 "$(udp_requests 192.0.2.10 5 --first-source-port 33000 | wc -l)"
    denied=$(addresses 20000 198)
    write_config
    expect "one of 20,000 others takes its place" reload
    expect "the client is served" answers 33100
    denied=$(addresses 120000 203)
    write_config
    expect "check reads a list of 120,000 prefixes" timeout 100 "$GUIDEWAY" check -c "$config"
    expect "two lists that do not fit beside each other are refused" eval '! reload'
    expect "with what there is room for: $(<"$LAB_DIR/stderr")" \
        grep -q "update map 'clients': .* room for 131072 prefixes, those .* included; .* before" "$LAB_DIR/stderr"
    expect "the former list stays in force" answers 33200
    denied=
    write_config
    expect "none in its place" reload
    denied=$(addresses 120000 203)
    write_config
    expect "then there is room" reload
    expect_equal "the client is on it" 0 "$(udp_requests 192.0.2.10 5 --first-source-port 33300 | wc -l)"
}

# What reading a file of 2 MB takes is given back, after a start as after a reload.
memory_of_a_start() {
    local without
    denied=
    write_config
    reload
    stop lb1-agent
    run_agent
    without=$(memory)
    stop lb1-agent
    denied=$(addresses 120000 198)
    write_config
    LAB_TIMEOUT=120 run_agent
    await "an answer" answers 33400
    echo "memory: $without MiB, $(memory) MiB with 120,000 prefixes"
    ldd "$GUIDEWAY" | grep -q libasan || # which keeps what is freed
        expect "little is left of the file that was read" test "$(memory)" -lt $((without + 12))
    denied=
    write_config
    expect "the list is taken away" reload
}

# --- files -----------------------------------------------------------------------------------------------------------

many_errors() {
    printf -- '  - {name: 7/7}\n%.0s' {1..30000} | { write_config; cat >>"$config"; }
    expect "a file with 60,000 errors is refused" eval '! reload'
    expect_equal "with a hundred of them" 100 "$(grep -c '^/run/lab/lb.yaml:[0-9]*:[0-9]*: ' "$LAB_DIR/stderr")"
    expect "and how many more there are" grep -qE '^/run/lab/lb.yaml: and [0-9]{5} more errors$' "$LAB_DIR/stderr"
    expect "check says the same" eval '! "$GUIDEWAY" check -c "$config" 2>"$LAB_DIR/check"'
    expect_equal "in as many lines" 101 "$(grep -cv 'share unevenly' "$LAB_DIR/check")"
    write_config
    expect "the file without them is applied" reload
}

state_directory() {
    local state=$LAB_DIR/state content
    stop lb1-agent
    start_agent lb1 "$config" --state-dir "$state"
    await "lb1 to be ready" agent_ready lb1
    expect "a drain by address" guideway drain 10.0.0.101
    expect "is in the state directory" grep -q 10.0.0.101 "$state/overrides.json"
    rm "$state/overrides.json"
    expect_soon "if its file is removed it is written again" grep -qs 10.0.0.101 "$state/overrides.json"
    stop lb1-agent KILL || true
    rm -rf "$(runtime_dir_of lb1)" "$(pins_of lb1)"
    start_agent lb1 "$config" --state-dir "$state"
    await "lb1 to be ready after a reboot" agent_ready lb1
    expect "it is still drained" is drain be1
    for content in nonsense '{"drained": [{"service": "echo", "backend": "nowhere"}], "disabled": []}' '[]' ''; do
        stop lb1-agent
        echo "$content" >"$state/overrides.json"
        start_agent lb1 "$config" --state-dir "$state"
        await "lb1 to be ready" agent_ready lb1
        expect "a state file that is none ('$content') is said to be" said "read $state/overrides.json: it is not what an agent writes .*; it is now $state/overrides.json.unreadable"
        expect "and kept for someone to look at" test -s "$state/overrides.json.unreadable"
        expect "nothing is drained by it" is up be1 be2 be3
    done
    start other-agent lb1 "$GUIDEWAY" agent -c "$config" --pins "$(pins_of lb2)" --runtime-dir "$(runtime_dir_of lb2)" --state-dir "$state"
    expect "a second agent with the same state directory does not start" eval '! finish other-agent'
    expect "it says who has it" grep -q "lock $state: process $(pid_of lb1-agent) holds it" "$(log_of other-agent)"
}

lab_up
start_backends be1 be2 be3
write_config
run_agent

full_flow_table
replaced_services
few_descriptors
long_lists
memory_of_a_start
many_errors
unread_log
state_directory
