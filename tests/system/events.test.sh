#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# guideway events: what happened, why, for how long and by whom, over the control socket and `http:`, through restarts
# of the agent, full disks and readers that do not read.
#
#     client --- router (BIRD) === BGP === lb1 ---> be1, be2
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=2
LAB_TIMEOUT=60
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
. "$LAB_ROOT/tests/system/lb1.sh"
cd "$LAB_ROOT"
lab_enter "$@"

STATE=$LAB_DIR/state
FILE=$STATE/events.jsonl
GROUP=4321 # no group has to have that number

# write_config [SED]
write_config() {
    {
        bgp_config lb1 | sed '/^services:/d'
        cat <<-END
	http: 127.0.0.1:9660
	control_group: "$GROUP"
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp"]
	    idle_timeout: 1s
	    health: {check: http, interval: 500ms, timeout: 450ms, rise: 2, max_move: 100%}
	    panic_threshold: 0%
	    backends: [{name: be1, address: 10.0.0.101}, {name: be2, address: 10.0.0.102}]
	END
    } | sed "${1-}" >"$LAB_DIR/lb.yaml.new"
    mv "$LAB_DIR/lb.yaml.new" "$LAB_DIR/lb.yaml"
}

run_agent() {
    start_agent lb1 "$LAB_DIR/lb.yaml" --state-dir "$STATE"
    await "lb1 to be ready" agent_ready lb1
}

# events FILTER: what jq's FILTER makes of all that are kept, in a list.
events() {
    guideway events --json --last 10000 | jq -s -r "$1"
}

# happened FILTER: whether it is true of one that came after $mark.
happened() {
    [[ $(events "any(.[]; .id > $mark and ($1))") == true ]]
}

# From now on, happened() looks at what comes.
set_mark() {
    mark=$(events '.[-1].id')
}

get() {
    on lb1 curl -s "http://127.0.0.1:9660$1" "${@:2}"
}

# as_user UID GID COMMAND...: without other groups.
as_user() {
    on lb1 setpriv --reuid "$1" --regid "$2" --clear-groups "${@:3}"
}

# A host that has kept 12,000 events, and ended while it wrote the last one.
leave_old_events() {
    mkdir "$STATE"
    jq -nc --arg reason "$(printf 'x%.0s' {1..500})" 'range(1; 12001) | {id: ., at: "2020-01-31T12:00:00.000Z",
        kind: "down", service: "old", backend: "10.9.9.9", reason: $reason}' >"$FILE"
    printf 'garbage\n{"id":12001,"at":"2020-01-31T12:0' >>"$FILE"
}

lab_up
chmod 711 "$LAB_DIR"
remove_static_routes
start_router bird
start_backends be1 be2
leave_old_events
write_config
mark=12000
run_agent

# --- who is up, announced --------------------------------------------------------------------------------------------

expect_equal "of 12,000 old events the latest are kept, and their ids go on" "2002 12001 started" \
    "$(guideway events --json -n 10000 | jq -s -r '"\(.[0].id | . - . % 1000 + 2) \([.[] | select(.service != "old")][0] | "\(.id) \(.kind)")"')"
expect_equal "lines that are none are told once" 1 "$(grep -c '2 lines of .*events.jsonl are no events' "$(log_of lb1-agent)")"
expect_soon "a backend that passes its checks is an event" \
    happened '.kind == "up" and .service == "web" and .backend == "10.0.0.101" and .name == "be1"'
expect_soon "so is a VIP that is announced" happened '.kind == "announced" and .vip == "192.0.2.10"'
expect_soon "and a BGP session" happened '.kind == "session_up" and .peer != null'

# --- live ------------------------------------------------------------------------------------------------------------

start sse lb1 curl -sN -H 'Accept: text/event-stream' http://127.0.0.1:9660/events
await "curl to be told that it is connected" grep -q '^:$' "$(log_of sse)"
start follower lb1 "$GUIDEWAY" events --follow --json -n 1 --runtime-dir "$(runtime_dir_of lb1)"
await "the follower to show what there was" test -s "$(log_of follower)"

set_mark
stop be1-app KILL || true
expect_soon "a backend that fails is an event, with reason and how long it was up" \
    happened '.kind == "down" and .name == "be1" and (.reason | length > 0) and .lasted_ms > 0'
expect_soon "curl sees it live" grep -q '^data: .*"kind":"down".*"name":"be1"' "$(log_of sse)"
expect "with its id" grep -q '^id: [0-9]*$' "$(log_of sse)"
expect_soon "so does --follow" grep -q '"kind":"down".*"name":"be1"' "$(log_of follower)"
expect_soon "the slots that moved are counted" happened '.kind == "moved" and .service == "web" and .slots > 30000'
expect_soon "and they settle" happened '.kind == "settled" and .service == "web" and .lasted_ms != null'
set_mark
start_app be1
expect_soon "it is up again, after how long" happened '.kind == "up" and .name == "be1" and .lasted_ms > 0'

# --- orders ----------------------------------------------------------------------------------------------------------

set_mark
expect_equal "drain says what it did, and who ordered it" "web: 10.0.0.101 is drained, by uid 0" "$(guideway drain be1)"
expect "so does the log" grep -q 'web: 10.0.0.101 is drained, by uid 0' "$(log_of lb1-agent)"
expect "and the events" happened '.kind == "drained" and .backend == "10.0.0.101" and .uid == 0'
expect_equal "what is so already is no event" "web: 10.0.0.101 was drained already" "$(guideway drain be1)"
expect_equal "there is one" 1 "$(events "[.[] | select(.kind == \"drained\")] | length")"
guideway undrain be1 >/dev/null
expect "the opposite says how long it was so" happened '.kind == "undrained" and .lasted_ms > 0'

expect_equal "the control socket is its group's, too" "660 0 $GROUP" \
    "$(stat -c '%a %u %g' "$(runtime_dir_of lb1)/control.sock")"
expect_equal "who is in it may order" "web: 10.0.0.102 is disabled, by uid 1234" \
    "$(as_user 1234 "$GROUP" "$GUIDEWAY" disable be2 --runtime-dir "$(runtime_dir_of lb1)")"
expect "the events know who it was" happened '.kind == "disabled" and .uid == 1234'
expect_equal "who is not may not" 1 \
    "$(as_user 1234 1234 "$GUIDEWAY" enable be2 --runtime-dir "$(runtime_dir_of lb1)" >/dev/null 2>&1; echo $?)"
guideway enable be2 >/dev/null

set_mark
expect "reload says so, too" grep -qF "$LAB_DIR/lb.yaml: reloaded, by uid 0" <(guideway reload)
expect "it is an event" happened '.kind == "reloaded" and .uid == 0'
write_config 's/idle_timeout: 1s/idle_timeout: 2s/'
expect_soon "a changed file is its own cause" happened '.kind == "reloaded" and .cause == "the changed file"'
write_config 's/control_group: .*/control_group: staff/'
expect_soon "what is refused says why" happened '.kind == "reload_refused" and (.reason | test("control_group: does not change"))'
set_mark
write_config
expect_soon "the file is mended" happened '.kind == "reloaded" and .cause != null'

set_mark
expect "withdraw" guideway withdraw --wait
expect "is an order by somebody" happened '.kind == "withdrawn" and .vip == null and .uid == 0'
expect "and its VIPs are withdrawn for it" \
    happened '.kind == "withdrawn" and .vip == "192.0.2.10" and .reason == "withdrawn by hand" and .lasted_ms > 0'
expect "announce" guideway announce
expect_soon "takes it back" happened '.kind == "announced" and .vip == "192.0.2.10" and .lasted_ms > 0'
stop_router
expect_soon "a session that is lost is an event" happened '.kind == "session_down" and .lasted_ms > 0'

# --- restarts --------------------------------------------------------------------------------------------------------

set_mark
stop lb1-agent KILL || true
expect_soon "--follow says that the agent is gone" grep -q 'the agent does not answer' "$(log_of follower)"
run_agent
expect_soon "and that it is back" grep -qx 'guideway: the agent answers again' "$(log_of follower)"
expect_equal "an agent that was killed is followed by one whose ids go on" "$((mark + 1)) started" \
    "$(events "[.[] | select(.id > $mark)][0] | \"\(.id) \(.kind)\"")"
expect_equal "the earlier events are there" 1 "$(events '[.[] | select(.uid == 1234)] | length')"
expect_soon "--follow goes on with it" grep -q '"kind":"started"' "$(log_of follower)"
expect_equal "and has shown each event once" true \
    "$(grep '^{' "$(log_of follower)" | jq -s '[.[].id] | . == [range(.[0]; .[0] + length)]')"
expect "it ends well when it is interrupted" stop follower INT
set_mark
stop lb1-agent
run_agent
expect "one that is stopped says so" happened '.kind == "stopped" and .lasted_ms > 0'
expect "and the next one for how long" happened '.kind == "started" and .lasted_ms > 0'

# --- readers ---------------------------------------------------------------------------------------------------------

expect_equal "a list may be asked for from an id, and so many" "11001 11002" \
    "$(get '/events?since=11000&limit=2' | jq -r '[.events[].id] | join(" ")')"
expect_equal "what cannot be asked for is refused" "400 400 400" \
    "$(for what in since=x limit=-1 until=7; do get "/events?$what" -o /dev/null -w '%{http_code}\n'; done | paste -sd' ')"
set_mark
expect_equal "a stream begins after Last-Event-ID" "id: $((mark - 1))" \
    "$(on lb1 timeout 60 curl -sN -H 'Accept: text/event-stream' -H "Last-Event-ID: $((mark - 2))" http://127.0.0.1:9660/events 2>/dev/null | head -n 1)"
expect_equal "--follow ends when nobody reads on" "0 0" \
    "$(on lb1 timeout 60 "$GUIDEWAY" events -f -n 1 --runtime-dir "$(runtime_dir_of lb1)" 2>&1 | head -n 1 >/dev/null; echo "${PIPESTATUS[*]}")"

# Asks for seven megabytes, and takes none of them.
start slow lb1 python3 -c '
import socket, time
client = socket.socket()
client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
client.connect(("127.0.0.1", 9660))
client.send(b"GET /events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: 1\r\n\r\n")
print("connected", flush=True)
time.sleep(3600)'
await "it to be connected" grep -q connected "$(log_of slow)"
set_mark
guideway drain be1 >/dev/null
expect "a slow reader does not hold the agent" happened '.kind == "drained"'
guideway undrain be1 >/dev/null
expect_soon "and is dropped" eval '[[ -z $(on lb1 ss -Htn state established "( sport = :9660 )") ]]'
stop slow || true

# --- for people ------------------------------------------------------------------------------------------------------

expect "a line for people" grep -qE \
    '^[0-9-]+ [0-9:]+  web be1 \(10\.0\.0\.101\) is drained, after [0-9.]+ (s|min|min [0-9]+ s), by uid 0$' \
    <(guideway events --service web)
expect_equal "only those of a service" "web" "$(guideway events --json --service web | jq -r .service | sort -u)"
expect_equal "only those of the last hour" 0 "$(guideway events --json --since 1h | jq -s '[.[] | select(.service == "old")] | length')"
expect_equal "a terminal of 60 columns gets lines of 60 at most" "" \
    "$(on lb1 script -qec "stty cols 60; $GUIDEWAY events -n 300 --runtime-dir $(runtime_dir_of lb1)" /dev/null </dev/null |
        tr -d '\r' | awk 'length > 60')"
expect_equal "without an agent there is none" 1 "$(on client "$GUIDEWAY" events -f --runtime-dir "$LAB_DIR/nobody" >/dev/null 2>&1; echo $?)"
expect_equal "a time that is none is misuse" 2 "$(guideway events --since soon >/dev/null 2>&1; echo $?)"

# --- a full disk -----------------------------------------------------------------------------------------------------

stop lb1-agent
expect_equal "old files are put away" "events.1.jsonl events.jsonl" "$(cd "$STATE" && echo events*)"
expect "events are for their owner alone" eval '[[ $(stat -c %a "$FILE") == 600 ]]'
mount -t tmpfs -o size=1m tmpfs "$STATE"
head -c 2m /dev/zero >"$STATE/filler" 2>/dev/null || true
run_agent
set_mark
expect "a full disk keeps no order from being carried out" guideway reload
expect "nor from being an event" happened '.kind == "reloaded"'
expect_soon "the log says so" grep -q 'write .*events.jsonl: No space left on device' "$(log_of lb1-agent)"
rm "$STATE/filler"
expect_soon "when there is room, what is kept is written" grep -q '"kind":"reloaded"' "$FILE"
expect_equal "it was said once" 1 "$(grep -c 'No space left' "$(log_of lb1-agent)")"
