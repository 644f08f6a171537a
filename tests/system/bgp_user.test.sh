#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
#
# ExaBGP's user can do nothing to the agent, which is root's, nor to its files; and the agent needs few capabilities.
#
#     router (BIRD) === BGP over IPv4 and IPv6 === lb1, where a process of user exabgp tries what it can
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_TIMEOUT=60
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# As the package's unit has it.
mapfile -t UNIT < <(sed -n 's/^CapabilityBoundingSet=//p' packaging/systemd/guideway.service.in | tr 'A-Z ' 'a-z\n' | sed 's/^cap_//')
SLOW_FILES=$(dirname "$GUIDEWAY")/tests/system/libslow_files.so
DIRECTORY=$(runtime_dir_of lb1)/bgp
VICTIM=$LAB_DIR/victim

write_config() {
    {
        bgp_config lb1 | sed '/^services:/d'
        cat <<-END
		http: 127.0.0.1:9660
		services:
		  - {name: web, listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp"], backends: [10.0.0.101]}
		END
    } >"$LAB_DIR/lb.yaml"
}

guideway() {
    on lb1 "$GUIDEWAY" "$@" --runtime-dir "$(runtime_dir_of lb1)"
}

# without [CAPABILITY]: the unit's bounding set without this one.
without() {
    local capability set=-all
    for capability in "${UNIT[@]}"; do
        [[ $capability == "${1-}" ]] || set+=,+$capability
    done
    echo "$set"
}

# start_bounded SET [ASSIGNMENT...]
start_bounded() {
    start lb1-agent lb1 setpriv --no-new-privs --inh-caps=-all --bounding-set "$1" env "${@:2}" \
        "$GUIDEWAY" agent -c "$LAB_DIR/lb.yaml" --pins "$(pins_of lb1)" --runtime-dir "$(runtime_dir_of lb1)"
}

# Without the one that is good only for what the relay does as well.
run_agent() {
    start_bounded "$(without kill)" "$@"
    await "lb1 to be ready" agent_ready lb1
}

# hung_exabgp_is_left CAPABILITIES: agent and supervisor are killed while ExaBGP can do nothing, nor its relay, which would
# end it. The kernel has sent what it sends by the time that the supervisor has ended.
hung_exabgp_is_left() {
    local exabgp relay supervisor left=yes
    start_bounded "$1"
    await "it to be announced" in_step
    exabgp=$(exabgp_of lb1)
    supervisor=$(supervisor_of lb1)
    mapfile -t relay < <(pgrep -P "$exabgp")
    start holder lb1 "$LAB_ROOT/tests/system/hold_still.py" "${relay[@]}" "$exabgp"
    await "ExaBGP to be held" grep -q held "$(log_of holder)"
    stop lb1-agent KILL || true
    kill -KILL "$supervisor"
    await "the supervisor to have ended" has_ended "$supervisor"
    [[ $(sed 's/.*) //; s/ .*//' "/proc/$exabgp/stat" 2>/dev/null) == t ]] || left= # else it is being killed
    kill -KILL "$exabgp" "${relay[@]}" || true
    stop holder || true
    [[ -n $left ]]
}

in_step() {
    goes_via lb1 && status lb1 '.bgp | .running and ([.peers[] | .state == "established" and .wanted == .announced] | all)'
}

# as_exabgp NAME COMMAND...: in the background, with nothing that root has.
as_exabgp() {
    start "$1" lb1 setpriv --reuid exabgp --regid exabgp --clear-groups "$LAB_ROOT/tests/system/exabgp_user.py" "${@:2}"
}

# has_capabilities PROCESS: which it has, as a number.
has_capabilities() {
    sed -n 's/^CapEff:\t//p' "/proc/$1/status"
}

# nothing_gained "sentence" NAME
nothing_gained() {
    ! grep '^could' "$(log_of "$2")" || fail "$1: it was able to do that"
    echo "ok: $1: none succeeds ($(grep -E '^(tried|reached)' "$(log_of "$2")"))"
}

# unharmed "sentence"
unharmed() {
    expect_equal "$1: the file that its links lead to is as it was" "$victim" "$(stat -c '%U %a %s' "$VICTIM")"
    expect_equal "$1: nothing in the agent's directories is its own" "" "$(find "$(runtime_dir_of lb1)" -user exabgp ! -path '*.not-trusted.*')"
}

# has_ended PROCESS: it may still be a zombie that nobody has collected.
has_ended() {
    [[ ! -e /proc/$1 || $(sed 's/.*) //; s/ .*//' "/proc/$1/stat") == Z ]]
}

replaced() {
    [[ $(exabgp_of lb1) != "$1" ]] && in_step
}

# -----------------------------------------------------------------------------------------------------------------------

lab_up
remove_static_routes
start_router bird
write_config
chmod 755 "$LAB_DIR"
echo secret >"$VICTIM"
chmod 600 "$VICTIM"
victim=$(stat -c '%U %a %s' "$VICTIM")

expect_equal "the unit's capabilities" "bpf kill net_admin net_raw perfmon setgid setuid" \
    "$(printf '%s\n' "${UNIT[@]}" | sort | paste -sd' ')"
for capability in setuid setgid; do
    start_bounded "$(without $capability)"
    expect_soon "without CAP_${capability^^} there is no ExaBGP, and the log says so" \
        grep -qE "(become|take the group of) exabgp.*: Operation not permitted; grant .*CAP_${capability^^}" "$(log_of lb1-agent)"
    stop lb1-agent
done
expect "without CAP_KILL the kernel may not end an ExaBGP that hangs with its supervisor" \
    hung_exabgp_is_left "$(without kill)"
expect "with it, it does" eval '! hung_exabgp_is_left "$(without)"'

run_agent
took "announced, without CAP_KILL, too" in_step
expect_equal "ExaBGP runs as exabgp" exabgp "$(stat -c %U "/proc/$(exabgp_of lb1)")"
expect "whose programs get no more privileges" grep -qx $'NoNewPrivs:\t1' "/proc/$(exabgp_of lb1)/status"
expect_equal "its supervisor is root's" root "$(stat -c %U "/proc/$(supervisor_of lb1)")"
expect_equal "and has CAP_SETUID alone" 0000000000000080 "$(has_capabilities "$(supervisor_of lb1)")"

as_exabgp reach reach "$DIRECTORY" "$(pid_of lb1-agent)" "$(supervisor_of lb1)"
finish reach || fail "it ended with status $?"
nothing_gained "it tries sockets, files and processes" reach
expect "all goes on" in_step

stop lb1-agent KILL || true
kill -KILL "$(supervisor_of lb1)"
rm -rf "$DIRECTORY"
as_exabgp swap swap "$DIRECTORY" "$VICTIM"
await "it to have begun" grep -q begun "$(log_of swap)"
run_agent "LD_PRELOAD=$SLOW_FILES"
took "it swaps files while the agent, made slow, starts: announced" in_step
for _ in 1 2 3; do
    exabgp=$(exabgp_of lb1)
    kill -KILL "$exabgp"
    took "and while ExaBGP is started again: announced" replaced "$exabgp"
done
stop lb1-agent KILL || true
run_agent "LD_PRELOAD=$SLOW_FILES"
took "and while another agent takes over" in_step
stop swap || true
nothing_gained "it swaps files" swap
unharmed "it swaps files"

# As a former version left it, with links that were made since.
stop lb1-agent KILL || true
kill -KILL "$(supervisor_of lb1)"
rm -rf "$DIRECTORY"
install -d -o exabgp -g exabgp -m 700 "$DIRECTORY"
for name in relay.sock agent.sock exabgp.conf exabgp.conf.new; do ln -s "$VICTIM" "$DIRECTORY/$name"; done
run_agent
took "a directory that is exabgp's is not used: announced" in_step
unharmed "a directory that is exabgp's"

as_exabgp flood flood "$DIRECTORY/relay.sock"
await "it to have begun" grep -q begun "$(log_of flood)"
for _ in $(seq 20); do
    expect_equal "it floods the relay's socket: the agent answers" 200 "$(on lb1 curl -s -m 60 -o /dev/null -w '%{http_code}' http://127.0.0.1:9660/healthz)"
done | tail -n 1
stop flood || true
nothing_gained "it floods the relay's socket" flood
took "it has ended: announced" in_step

exabgp=$(exabgp_of lb1)
kill -STOP "$exabgp"
took "ExaBGP hangs: it is replaced by an agent that may not kill it" replaced "$exabgp"
expect_soon "the old one is gone" has_ended "$exabgp"
exabgp=$(exabgp_of lb1)
kill -STOP "$exabgp" "$(relay_of lb1)"
expect "ExaBGP and its relay hang: SIGTERM ends the agent all the same" stop lb1-agent
expect_soon "and ExaBGP" has_ended "$exabgp"
