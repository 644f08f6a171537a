#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
#
# Agents die, hang and come back; what ExaBGP announces stays for the next one, as long as it may, and no longer.
#
#     client --- router (BIRD) === BGP over IPv4 and IPv6 === lb1, lb2 ---> be1, be2
set -euo pipefail
LAB_BACKENDS=2
LAB_TIMEOUT=40
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/connections.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# write_config lb1 [PEER_KEYS [SERVICE]]
write_config() {
    {
        bgp_config "$1" "${2-}" | sed '/^services:/d'
        cat <<-END
		services:
		  - name: web
		    listen: ["192.0.2.10:9100/tcp", "[2001:db8:1::10]:9100/tcp"]
		    idle_timeout: 2s
		    health: {check: tcp, interval: 500ms, timeout: 400ms, rise: 2}
		    backends: [{name: be1, address: 10.0.0.101}, {name: be2, address: 10.0.0.102}]
		  ${3-}
		END
    } >"$LAB_DIR/$1.yaml.new"
    mv "$LAB_DIR/$1.yaml.new" "$LAB_DIR/$1.yaml"
}

guideway() {
    on "$1" "$GUIDEWAY" "${@:2}" --runtime-dir "$(runtime_dir_of "$1")"
}

# run_agent lb1 [OPTION...]
run_agent() {
    start_agent "$1" "$LAB_DIR/$1.yaml" "${@:2}"
    await "$1 to be ready" agent_ready "$1"
}

in_step() {
    status "$1" '.bgp | .running and ([.peers[] | .state == "established" and .wanted == .announced] | all)'
}

settled() {
    goes_via "$1" && in_step lb1
}

# taken_over lb1: by the agent that runs now.
taken_over() {
    grep -q "exabgp of an earlier agent is taken over" "$(log_of "$1-agent")" && in_step "$1"
}

nothing_runs() {
    ! pgrep -f "bgp-supervisor $LAB_DIR/$1/bgp " && ! pgrep -f "exabgp $LAB_DIR/$1/bgp/" && ! pgrep -f "relay $LAB_DIR/$1/bgp/"
}

# sessions: since when BIRD has each of its sessions, and the messages that it got in them.
sessions() {
    birdc show protocols | awk '/^balancer/ { print $1, $5, $6 }' | sort
    updates
}

# remember: what must not change.
remember() {
    exabgp=$(exabgp_of lb1)
    sessions_before=$(sessions)
    start route-watch router ip monitor route
}

# unchanged "sentence": neither ExaBGP, nor a session, nor a route, nor did BIRD hear of one.
unchanged() {
    stop route-watch || true
    expect "$1: no route was ever gone" eval '! grep -q "^Deleted" "$(log_of route-watch)"'
    expect_equal "$1: by the same ExaBGP" "$exabgp" "$(exabgp_of lb1)"
    expect_equal "$1: sessions and updates at the router are the same" "$sessions_before" "$(sessions)"
}

kill_agent() {
    stop "$1-agent" KILL || true
}

# --- killed and back -------------------------------------------------------------------------------------------------

learning_has_ended() {
    status "$1" '.services[0].slots_by_state.learning == 0'
}

# The flows of be1 that met lb1 have their records there: on lb2, where learning has ended too, they would break.
drained_then_killed() {
    start_connections 200 --idle-every 500 --request-every 300
    await_established
    for balancer in lb1 lb2; do guideway "$balancer" drain be1; done
    for balancer in lb1 lb2; do await "learning to end on $balancer" learning_has_ended "$balancer"; done
    expect_more "be1 is drained and has connections" 20 "$(served_by be1)"
    phase "killed"
    remember
    kill_agent lb1
    checkpoint
    expect_none_broken "its agent killed"
    run_agent lb1
    took "another agent takes ExaBGP over" taken_over lb1
    checkpoint
    expect_none_broken "its agent killed and started"
    unchanged "its agent killed and started"
    end_connections
    for balancer in lb1 lb2; do guideway "$balancer" undrain be1; done
}

killed_again_and_again() {
    remember
    for _ in 1 2 3; do
        kill_agent lb1
        start_agent lb1 "$LAB_DIR/lb1.yaml" # and killed before it knows anything, but for the last
    done
    await "lb1 to be ready" agent_ready lb1
    took "killed three times, twice while it started: taken over" taken_over lb1
    unchanged "killed three times"
}

upgraded() {
    remember
    kill_agent lb1
    GUIDEWAY=$GUIDEWAY_UPGRADED run_agent lb1
    took "another version of it takes ExaBGP over" taken_over lb1
    unchanged "upgraded"
}

# Its program is replaced while it runs, as by a package; then ExaBGP dies, whose relay is the new one.
replaced_while_it_runs() {
    stop lb1-agent || fail "the agent ended with status $?"
    cp "$GUIDEWAY" "$LAB_DIR/guideway"
    GUIDEWAY=$LAB_DIR/guideway run_agent lb1
    await "it to be in step" settled "lb1 lb2"
    cp "$GUIDEWAY_UPGRADED" "$LAB_DIR/guideway.new"
    mv "$LAB_DIR/guideway.new" "$LAB_DIR/guideway"
    exabgp=$(exabgp_of lb1)
    kill -KILL "$exabgp"
    took "its program is replaced, and ExaBGP killed: announced by another" eval 'settled "lb1 lb2" && [[ $(exabgp_of lb1) != "$exabgp" ]]'
}

sockets_taken_away() {
    remember
    rm -r "$LAB_DIR/lb1/bgp"
    await "they are there again" test -S "$LAB_DIR/lb1/bgp/agent.sock"
    await "both" test -S "$LAB_DIR/lb1/bgp/relay.sock"
    kill -KILL "$(relay_of lb1)"
    kill_agent lb1
    run_agent lb1
    took "its sockets taken away, then agent and relay killed: taken over" taken_over lb1
    unchanged "its sockets taken away"
}

# --- back with another configuration -----------------------------------------------------------------------------------

back_with_other_services() {
    local other='- {name: other, listen: ["192.0.2.66:80/tcp"], backends: [10.0.0.101]}'
    write_config lb1 "" "$other"
    guideway lb1 reload
    took "another VIP is announced" has_routes "192\.0\.2\.66" 1
    remember
    kill_agent lb1
    write_config lb1
    run_agent lb1
    took "killed, and back without it: its route goes" has_routes "192\.0\.2\.66" 0
    expect_soon "all the rest is taken over" taken_over lb1
    stop route-watch || true
    expect_equal "the others were there all the time" 192.0.2.66 \
        "$(grep '^Deleted' "$(log_of route-watch)" | grep -oE '192\.0\.2\.[0-9]+|2001:db8:1:\S+')"
    expect_equal "by the same ExaBGP" "$exabgp" "$(exabgp_of lb1)"
}

# One peer's settings change: that session alone is reset.
back_with_other_peers() {
    remember
    kill_agent lb1
    write_config lb1
    sed -i '/2001:db8:f::1/s/hold_time: 9s/hold_time: 12s/' "$LAB_DIR/lb1.yaml"
    run_agent lb1
    took "killed, and back with another hold time for one router: taken over" taken_over lb1
    took "and announced in both sessions" settled "lb1 lb2"
    expect_equal "by the same ExaBGP" "$exabgp" "$(exabgp_of lb1)"
    expect_equal "one session was begun anew" 1 "$(diff <(birdc_sessions <<<"$sessions_before") <(birdc_sessions <<<"$(sessions)") | grep -c '^>')"
    stop route-watch || true
    write_config lb1
    guideway lb1 reload
    took "as before" settled "lb1 lb2"
}

birdc_sessions() {
    grep '^balancer'
}

back_without_bgp() {
    kill_agent lb1
    sed -i '/^bgp:/,/^services:/{/^services:/!d}' "$LAB_DIR/lb1.yaml"
    start_agent lb1 "$LAB_DIR/lb1.yaml"
    took "killed, and back without a bgp section: its routes go" goes_via lb2
    took "and nothing of ExaBGP is left" nothing_runs lb1
    stop lb1-agent || fail "the agent ended with status $?"
    write_config lb1
    run_agent lb1
    took "back with it" settled "lb1 lb2"
}

# --- not back ----------------------------------------------------------------------------------------------------------

# gone "sentence"
gone() {
    took "$1: its routes go" goes_via lb2
    took "$1: nothing of ExaBGP is left" nothing_runs lb1
}

# held "sentence": for some time.
held() {
    grep -q "exabgp hears nothing of its agent; the routes stay for" "$(log_of lb1-agent)" || fail "$1"
    echo "ok: $1: its routes were held"
}

# back "sentence"
back() {
    kill_agent lb1 2>/dev/null || true
    run_agent lb1
    took "$1: another agent announces anew" settled "lb1 lb2"
}

never_back() {
    HOLD_AFTER_KILL=3s write_config lb1
    guideway lb1 reload
    await "it to be in step" settled "lb1 lb2"
    kill_agent lb1
    gone "killed and not back within hold_after_kill, 3 s"
    held "killed and not back"
    run_agent lb1
    took "another agent announces anew" settled "lb1 lb2"

    kill -STOP "$(pid_of lb1-agent)"
    gone "its agent hangs"
    kill -CONT "$(pid_of lb1-agent)"
    took "it goes on: announced anew" settled "lb1 lb2"

    HOLD_AFTER_KILL=0s write_config lb1
    guideway lb1 reload
    await "it to be in step" settled "lb1 lb2"
    kill_agent lb1
    gone "killed without a hold"
    write_config lb1
    run_agent lb1
    took "another agent announces anew" settled "lb1 lb2"
}

detached_meanwhile() {
    kill_agent lb1
    bpftool link detach pinned "$(pins_of lb1)/link-eth0"
    gone "killed, and its program detached"
    back "detached"

    kill_agent lb1
    rm "$(pins_of lb1)/link-eth0"
    gone "killed, and its link unpinned"
    back "unpinned"
}

marked_as_leaving() {
    birdc show route all for 192.0.2.10 | grep -q '(65535,0)'
}

# Everything of a service that a service manager stops gets the signal: ExaBGP must not end before the agent has left.
stopped_together() {
    local pids
    pids=$(pgrep -f "$LAB_DIR/lb1/bgp")
    # shellcheck disable=SC2086
    kill -TERM "$(pid_of lb1-agent)" $pids
    expect_soon "all of it got SIGTERM: the routes are marked as leaving" marked_as_leaving
    finish lb1-agent || fail "the agent ended with status $?"
    expect "when it has ended they are gone" goes_via lb2
    took "nothing of ExaBGP is left" nothing_runs lb1
    run_agent lb1
    took "another agent announces anew" settled "lb1 lb2"

    kill_agent lb1
    kill -TERM "$(supervisor_of lb1)"
    gone "killed, and then SIGTERM for the rest"
    back "stopped"
}

detach_on_exit() {
    stop lb1-agent || fail "the agent ended with status $?"
    run_agent lb1 --detach-on-exit
    took "with --detach-on-exit: announced" settled "lb1 lb2"
    remember
    kill_agent lb1
    run_agent lb1 --detach-on-exit
    took "killed: nothing is detached, another one takes over" taken_over lb1
    unchanged "with --detach-on-exit, killed"
    stop lb1-agent || fail "the agent ended with status $?"
    expect "SIGTERM: the routes are gone" goes_via lb2
    took "nothing of ExaBGP is left" nothing_runs lb1
    expect_soon "and the program is detached" xdp_detached lb1
    run_agent lb1
    took "another agent announces anew" settled "lb1 lb2"
    kill -TERM "$(pid_of lb1-agent)"
    await "it to be leaving" grep -q "leaving:" "$(log_of lb1-agent)"
    stop lb1-agent || fail "the agent ended with status $?"
    took "SIGTERM twice: the routes go with ExaBGP" goes_via lb2
    took "nothing of ExaBGP is left" nothing_runs lb1
    run_agent lb1
    took "another agent announces anew" settled "lb1 lb2"
}

# --- and ExaBGP's own accidents meanwhile --------------------------------------------------------------------------------

others_die_meanwhile() {
    local relay
    remember
    kill_agent lb1
    relay=$(relay_of lb1)
    kill -KILL "$relay"
    await "ExaBGP to have started another relay" eval '[[ $(relay_of lb1) != "" && $(relay_of lb1) != '"$relay"' ]]'
    run_agent lb1
    took "its relay killed meanwhile: taken over" taken_over lb1
    unchanged "its relay killed meanwhile"

    kill_agent lb1
    kill -KILL "$(exabgp_of lb1)"
    gone "killed, and ExaBGP killed"
    back "ExaBGP killed meanwhile"

    kill_agent lb1
    kill -KILL "$(supervisor_of lb1)"
    gone "killed, and the supervisor killed"
    back "the supervisor killed meanwhile"
}

others_hang_meanwhile() {
    local hung
    kill_agent lb1
    hung=$(exabgp_of lb1)
    kill -STOP "$hung"
    run_agent lb1
    took "ExaBGP hangs meanwhile: it is replaced" eval 'settled "lb1 lb2" && ! kill -0 '"$hung"

    kill_agent lb1
    hung=$(supervisor_of lb1)
    kill -STOP "$hung"
    run_agent lb1
    took "the supervisor hangs meanwhile: it is replaced" eval 'settled "lb1 lb2" && ! kill -0 '"$hung"

    kill_agent lb1
    kill -STOP "$(supervisor_of lb1)"
    took "killed, and the supervisor hangs: the relay ends ExaBGP" goes_via lb2
    back "the supervisor hangs"
}

# -----------------------------------------------------------------------------------------------------------------------

lab_up
remove_static_routes
start_router bird
start_backends be1 be2
start_servers
for balancer in lb1 lb2; do
    write_config "$balancer"
    run_agent "$balancer"
done
took "both balancers are announced" settled "lb1 lb2"
drained_then_killed
killed_again_and_again
upgraded
replaced_while_it_runs
sockets_taken_away
back_with_other_services
back_with_other_peers
back_without_bgp
never_back
detached_meanwhile
stopped_together
detach_on_exit
others_die_meanwhile
others_hang_meanwhile
