# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Holds thousands of TCP connections through the lab's balancers and tells which of them break (tests/system/connections).
# Sourced after tests/system/guideway.sh.
#
#   start_servers; start_connections 1000 --churn 20; await_established
#   phase "weight doubled"; ... change something ...; checkpoint; expect_none_broken "weight doubled"
#   phase "be3 killed";     ...;                      checkpoint; expect_only_of be3
#   reopen                                            for the next row
#   end_connections
#
# Several clients may hold connections, each to VIPs of its own: `held_vips="192.0.2.11" of others start_connections 100`,
# and then `of others checkpoint`, `of others expect_none_broken ...`.

CONNECTIONS=$(dirname "$GUIDEWAY")/tests/system/connections
CONNECTIONS_PORT=9100
# The flood's sources: the router sends answers to them back to the client, so that its rp_filter lets them pass.
FLOOD_SOURCES=10.128.0.0/9
FLOOD_SOURCES6=2001:db8:f100::/40

# --- servers ---------------------------------------------------------------------------------------------------------

# start_server be1 [OPTION...]
start_server() {
    # shellcheck disable=SC2086 # one word per VIP
    start "$1-server" "$1" "$CONNECTIONS" serve "${@:2}" "$1" "$CONNECTIONS_PORT" $LAB_VIPS
}

# start_servers [BACKEND...]: on all backends, or on these; until they serve.
start_servers() {
    local backend backends=("$@")
    (($#)) || mapfile -t backends < <(lab_backends)
    for backend in "${backends[@]}"; do
        start_server "$backend"
    done
    for backend in "${backends[@]}"; do
        await_server "$backend"
    done
}

await_server() {
    await "the server of $1" grep -q serves "$(log_of "$1-server")"
}

# kill_server be1: its connections get a reset or the end of their stream.
kill_server() {
    stop "$1-server" KILL || true
}

# --- connections -----------------------------------------------------------------------------------------------------

held=connections # by which client

# of NAME COMMAND...: the command is about that client's connections.
of() {
    local held=$1
    "${@:2}"
}

# start_connections COUNT [OPTION...]: from the client to all VIPs, or to those in $held_vips.
start_connections() {
    rm -f "$LAB_DIR/$held.sock"
    # shellcheck disable=SC2086
    start "$held" client "$CONNECTIONS" hold --count "$1" --control "$LAB_DIR/$held.sock" \
        --report "$LAB_DIR/$held.json" "${@:2}" "$CONNECTIONS_PORT" ${held_vips:-$LAB_VIPS}
    await "the control socket of $held" test -S "$LAB_DIR/$held.sock"
}

# ask WORD...: what the client answers, a line of JSON.
ask() {
    "$CONNECTIONS" ask --timeout 60 "$LAB_DIR/$held.sock" "$@"
}

# Until every connection is established; fails when one is not.
await_established() {
    local answer
    answer=$(ask await)
    jq -e '.live == .wanted' <<<"$answer" >/dev/null || fail "not all connections are established: $answer; $(breakages)"
}

# phase NAME: what breaks from now on belongs to it.
phase() {
    current_phase=$1
    ask phase "$1" >/dev/null
}

# Until each live connection, however idle, has completed a round trip begun now, or is broken.
checkpoint() {
    local answer
    answer=$(ask checkpoint)
    jq -e '.unanswered == 0' <<<"$answer" >/dev/null || fail "connections without an answer: $answer"
}

# Replaces what is broken, so that the next phase starts with all of them.
reopen() {
    ask reopen >/dev/null
    await_established
}

# Ends all connections in order; sets $report to the last report.
# shellcheck disable=SC2034
end_connections() {
    report=$(ask end)
    finish "$held" || fail "the client of $held ended with status $?"
}

# --- what became of them ---------------------------------------------------------------------------------------------

# "BACKEND KIND WHAT TIMES, ...": the breakages of the present phase.
breakages() {
    ask report | jq -r --arg phase "${current_phase-start}" '
        [.breakages[] | select(.phase == $phase) | "\(.backend) \(.kind) \(.what)"] | group_by(.)
        | map("\(.[0]) \(length)") | join(", ")'
}

# broken: how many broke in the present phase.
broken() {
    ask report | jq --arg phase "${current_phase-start}" '[.phases[] | select(.name == $phase).broken] | add'
}

# served_by BACKEND: how many of the held connections it serves now.
served_by() {
    ask backends | jq --arg backend "$1" '.[$backend] // 0'
}

# broken_but_of BACKEND...: how many of others broke in the present phase. A connection that breaks before its backend
# has told its name was on its way to one of them.
broken_but_of() {
    ask report | jq --arg phase "${current_phase-start}" '
        [.breakages[] | select(.phase == $phase) | .backend | select(IN($ARGS.positional[], "unknown") | not)]
        | length' --args "$@"
}

# Under a flood SYNs are lost and sent again, perhaps to the slot's next owner (docs/limits.md): who was not established
# yet is not counted then.
expect_none_broken() {
    local count
    if [[ -n ${under_flood-} ]]; then
        count=$(broken_but_of)
    else
        count=$(broken)
    fi
    ((count == 0)) || fail "$1: $count connections broke: $(breakages)"
    echo "ok: $1: no connection breaks"
}

# expect_only_of BACKEND... : in the present phase connections broke, but none of other backends.
expect_only_of() {
    local others
    others=$(broken_but_of "$@")
    ((others == 0)) || fail "${current_phase-start}: $others connections of other backends than $* broke: $(breakages)"
    (($(broken) > 0)) || fail "${current_phase-start}: no connection broke"
    echo "ok: ${current_phase-start}: only connections of $* break"
}

# expect_some_broken "sentence"
expect_some_broken() {
    expect_more "$1: connections break" 0 "$(broken)"
}

# --- SYN flood -------------------------------------------------------------------------------------------------------

# start_flood [OPTION...]: at the first VIP, from addresses that the router takes to be behind the client. As fast as one
# core can, but only when it has nothing else to do: on the same core lie the network and all who answer.
start_flood() {
    local vip=${LAB_VIPS%% *}
    ip -n router route replace "$FLOOD_SOURCES" via 203.0.113.2
    ip -n router route replace "$FLOOD_SOURCES6" via 2001:db8:c::2
    local sources=$FLOOD_SOURCES
    [[ $vip != *:* ]] || sources=$FLOOD_SOURCES6
    start flood client chrt --idle 0 "$CONNECTIONS" flood --sources "$sources" "$@" "$CONNECTIONS_PORT" "$vip"
}

# Ends it, if it has not ended, and says how many SYNs it sent.
stop_flood() {
    if running flood; then stop flood || true; else finish flood || fail "the flood ended with status $?"; fi
    tail -n 1 "$(log_of flood)"
}
