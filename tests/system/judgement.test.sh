#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What must not sway an agent's judgement: the time of day, descriptors that run out, a reload that is refused, a
# backend that nobody has judged yet, an agent that is started again.
#
#     lb1 === tunnels ===> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_TIMEOUT=40
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/lb1.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# write_config BACKENDS [PROBED_PORT [HTTP_PORT]]
write_config() {
    cat >"$LAB_DIR/lb.yaml.new" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	http: 127.0.0.1:${3-9660}
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp"]
	    health: {check: http, port: ${2-80}, interval: 500ms, timeout: 450ms, rise: 2, max_move: 100%,
	             damping: {flaps: 1, within: 5m, hold: 8s}}
	    backends: [$1]
	END
    mv "$LAB_DIR/lb.yaml.new" "$LAB_DIR/lb.yaml"
}

start_probing() {
    start lb1-agent lb1 env LD_PRELOAD="$CLOCK_JUMP_LIBRARY" CLOCK_JUMP="$LAB_DIR/ahead" \
        "$GUIDEWAY" agent -c "$LAB_DIR/lb.yaml" --pins "$(pins_of lb1)" --runtime-dir "$(runtime_dir_of lb1)"
    await "lb1 to be ready" agent_ready lb1
}

# put_clock_ahead SECONDS: of all that the agent asks for the time of day.
put_clock_ahead() {
    perl -e 'print pack("q", $ARGV[0])' -- "$1" | dd of="$LAB_DIR/ahead" conv=notrunc status=none
}

year_by_the_agent() {
    backend be1 '.health.probed_at' | cut -c 1-4
}

probed_more_often_than() {
    backend be1 ".health.probes > $1"
}

# probe_on TIMES: until be1 was probed that often.
probe_on() {
    local probes
    probes=$(backend be1 .health.probes)
    await "$1 more probes" probed_more_often_than $((probes + $1))
}

times_down() {
    grep -c ' is down: ' "$(log_of lb1-agent)" || true
}

CLOCK_JUMP_LIBRARY=$(dirname "$GUIDEWAY")/tests/system/libclock_jump.so
two="10.0.0.101, 10.0.0.102"
three="$two, 10.0.0.103"

lab_up
start_backends be1 be2 be3
write_config "$two"
put_clock_ahead 0
start_probing
expect_soon "two backends are judged, and up" service '.health | .warmed_up and .up == 2'

# --- the time of day -------------------------------------------------------------------------------------------------

this_year=$(date +%Y)
put_clock_ahead $((10 * 365 * 86400))
probe_on 4
expect_equal "the time of day jumps ten years ahead" $((this_year + 10)) "$(year_by_the_agent)"
put_clock_ahead $((-10 * 365 * 86400))
probe_on 4
expect_equal "and twenty back" $((this_year - 10)) "$(year_by_the_agent)"
expect_equal "which probes do not care about" 0 "$(times_down)"
suspend be1
expect_soon "a backend that fails is down as always" is down be1
resume be1
expect_soon "and up again" is up be1
put_clock_ahead 0

# --- descriptors -----------------------------------------------------------------------------------------------------

on lb1 prlimit --pid "$(pid_of lb1-agent)" --nofile=5:
expect_soon "descriptors that run out are said" grep -q 'no descriptor is free; raise the limit' "$(log_of lb1-agent)"
on lb1 prlimit --pid "$(pid_of lb1-agent)" --nofile=1024:
probe_on 4
expect "probes and answers go on when there are some again" is up be1 be2
expect_equal "nobody was taken to be down for it" 1 "$(times_down)"

# --- a backend that nobody has judged --------------------------------------------------------------------------------

suspend be3
write_config "$three"
expect "a backend is added, which does not answer" guideway reload
expect_equal "it has no slot before it is judged" 0 "$(slots_in_kernel be3)"
expect_soon "it is judged to be down" backend be3 '.health.state == "down"'
expect_equal "and has no slot" 0 "$(slots_in_kernel be3)"
resume be3
expect_soon "when it answers it has its share" base_table

# --- a reload that is refused ----------------------------------------------------------------------------------------

start holder lb1 python3 -m http.server --bind 127.0.0.1 9661
await "port 9661 to be taken" on lb1 curl -s -o /dev/null http://127.0.0.1:9661/
before=$(times_down)
write_config "$two" 9999 9661
! guideway reload 2>"$LAB_DIR/words" || fail "a reload is not refused"
expect "a reload is refused for its http:" grep -q '127.0.0.1:9661' "$LAB_DIR/words"
probe_on 6
expect_equal "what it would probe is not probed" "$before" "$(times_down)"
expect "the former backends are as they were" eval 'is up be1 be2 be3 && base_table'
suspend be3
expect_soon "and probed: one that fails is down" is down be3
resume be3
write_config "$three"
expect_soon "be3 is up again" is up be3

# --- an agent that is started again ----------------------------------------------------------------------------------

remembers() {
    jq -e "$1" "$(runtime_dir_of lb1)/health.json"
}

start_again() {
    stop lb1-agent KILL || true
    start_probing
}

suspend be1
expect_soon "be1 is down for the second time within five minutes: it is held down" \
    backend be1 '.health.held_until != null'
resume be1
expect_soon "which is written down" remembers '[.backends[] | select(.held_until)] | length == 1'
start_again
expect "an agent that is killed and started again holds it down" backend be1 '.health.held_until != null'
expect_soon "its probes are good" backend be1 '.health | .reason == null and .probes > 3'
expect_equal "it is down all the same" "down 0" "$(backend be1 .state) $(slots_in_kernel be1)"
expect_soon "until the time is over" is up be1

suspend be2 be3
expect_soon "two of three are down: panic" service '.health.panic and .health.up == 1'
expect_soon "which is written down" remembers '[.backends[] | select(.down)] | length == 2'
start_again
expect "an agent that is killed and started again knows who is down" service '.health.up == 1'
expect "and panics from the start" eval 'service .health.panic && base_table'
resume be2 be3
expect_soon "they are up again, or held" service '.health.panic | not'

stop lb1-agent KILL || true
echo nonsense >"$(runtime_dir_of lb1)/health.json"
start_probing
expect "nonsense in the file is said" grep -q "read .*health.json: .*; who was flapping is not held down" "$(log_of lb1-agent)"
expect_soon "and all are judged again" service '.health | .warmed_up and .up == 3'
stop lb1-agent || fail "the agent ended with status $?"
