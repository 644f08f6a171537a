#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The load generator tells which connections break, how and whose: it is what other tests rely on.
#
#     client --- router --- lb1 ---> be1, be2, be3
#         200 connections, short ones besides
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/connections.sh"
cd "$LAB_ROOT"
lab_enter "$@"

config=$LAB_DIR/lb.yaml

# write_config NUMBER...: the last parts of the backends' addresses.
write_config() {
    local vip
    {
        echo 'interfaces: [eth0]'
        echo 'hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"'
        echo 'services:'
        echo '  - {name: four, listen: ["192.0.2.10:9100/tcp"], tracking: never,'
        echo "     backends: [$(printf '10.0.0.%s, ' "$@" | sed 's/, $//')]}"
        echo '  - {name: six, listen: ["[2001:db8:1::10]:9100/tcp"], tracking: never,'
        echo "     backends: [$(printf '"2001:db8:f::%s", ' "$@" | sed 's/, $//')]}"
    } >"$config.new"
    mv "$config.new" "$config"
}

# broken_and FILTER: how many of those that broke in the present phase are such.
broken_and() {
    ask report | jq --arg phase "$current_phase" "[.breakages[] | select(.phase == \$phase and ($1))] | length"
}

start_flow_of_everything() {
    start_servers be1 be2 be3
    start_connections 200 --churn 20 --timeout 2000
    await_established
    expect_equal "200 connections are held" 200 "$(ask backends | jq add)"
    expect_equal "all backends serve some" 3 "$(ask backends | jq length)"
}

nothing_happens() {
    phase quiet
    checkpoint
    expect_none_broken quiet
    expect "bytes go both ways" jq -e '.bytes_sent > 0 and .bytes_received > .bytes_sent' <<<"$(ask report)"
}

a_server_dies() {
    local served
    served=$(served_by be2)
    phase "server killed"
    kill_server be2
    checkpoint
    expect_only_of be2
    expect_equal "exactly the connections that be2 served are broken" "$served" "$(broken_and '.kind != "churn"')"
    expect_equal "it serves none" 0 "$(served_by be2)"
    start_server be2
    await_server be2
    phase reopened
    reopen
    checkpoint
    expect_none_broken reopened
    expect_equal "200 connections are held again" 200 "$(ask backends | jq add)"
}

# Packets that vanish: no reset, no end.
a_backend_falls_silent() {
    local served
    served=$(served_by be2)
    phase silent
    ip -n router link set to-be2 down
    checkpoint
    expect_only_of be2
    expect_equal "exactly its connections are timed out" "$served" \
        "$(broken_and '.kind != "churn" and .what == "timeout"')"
    ip -n router link set to-be2 up
    await "be2 to be reachable" on router ping -c 1 -W 1 10.0.0.102
    checkpoint # short ones that began in the silence
    phase "reachable again"
    reopen
}

slots_move_without_state() {
    phase moved
    write_config 101 102
    await "the reload" reloaded_to 4
    checkpoint
    expect_some_broken "slots that move without state"
    expect_equal "they are reset" "$(broken_and '.kind != "churn"')" "$(broken_and '.kind != "churn" and .what == "reset"')"
}

reloaded_to() {
    status lb1 "[.services[].backends[]] | length == $1"
}

a_byte_is_wrong() {
    phase "server ended"
    stop be1-server || true
    checkpoint
    expect_only_of be1
    start_server be1 --corrupt-at 1
    await_server be1
    phase "wrong byte"
    ask reopen >/dev/null
    checkpoint
    checkpoint # the second byte of an idle one
    expect_only_of be1
    expect_equal "the wrong byte is named" 0 "$(broken_and '.what != "corrupt byte" or .offset != 1')"
}

lab_up
for backend in be1 be2 be3; do
    start_backend "$backend"
done
for backend in be1 be2 be3; do
    await "$backend to unwrap" unwraps "$backend"
done
write_config 101 102 103
start_agent lb1 "$config"
await "lb1 to be ready" agent_ready lb1

start_flow_of_everything
nothing_happens
a_server_dies
a_backend_falls_silent
slots_move_without_state
a_byte_is_wrong
end_connections
expect "what lives to the end is ended in order" \
    jq -e '[.backends | del(.unknown)[]] | (map(.established) | add) == (map(.ended + .broken) | add)' <<<"$report"
