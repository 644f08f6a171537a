#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016
#
# An agent whose router or whose ExaBGP has trouble: `guideway status` and /metrics say what and why, and it recovers by
# itself, without telling the router more than it needs to hear.
#
#     router (BIRD) --- lb1
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_TIMEOUT=30
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
lab_enter "$@"
HOLD_AFTER_KILL=0s # each agent that is started finds no ExaBGP of another one

# write_config [PEER_KEYS]
write_config() {
    {
        bgp_config lb1 "${1-}" | sed '/^services:/d'
        cat <<-END
		http: 127.0.0.1:9660
		services:
		  - {name: web, listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp"], backends: [10.0.0.101]}
		  - {name: other, listen: ["192.0.2.66:80/tcp"], backends: [10.0.0.101]}
		END
    } >"$LAB_DIR/lb.yaml.new"
    mv "$LAB_DIR/lb.yaml.new" "$LAB_DIR/lb.yaml"
}

guideway() {
    on lb1 "$GUIDEWAY" "$@" --runtime-dir "$(runtime_dir_of lb1)"
}

# run_agent: with the exabgp in $LAB_DIR/bin, if there is one.
run_agent() {
    PATH="$LAB_DIR/bin:$PATH" start_agent lb1 "$LAB_DIR/lb.yaml"
    await "lb1 to be ready" agent_ready lb1
}

# router_with SED_EXPRESSION: BIRD, started again with its file changed so.
router_with() {
    stop_router
    start_router bird "$1"
}

# bgp FILTER: whether that part of the status is so.
bgp() {
    status lb1 ".bgp | $1"
}

metrics_say() {
    grep -qE "$1" < <(on lb1 curl -s http://127.0.0.1:9660/metrics)
}

# trouble STATES PATTERN: both sessions are in one of the states, for that reason, to whomever one asks.
trouble() {
    bgp "[.peers[] | (.state | test(\"$1\")) and (.last_error | test(\"$2\"))] | all" &&
        grep -qE "10.0.0.1 +64512 +($1).*$2" < <(guideway status) &&
        metrics_say '^guideway_bgp_session_up\{peer="10.0.0.1"\} 0' &&
        metrics_say "^guideway_bgp_session_error\{peer=\"10.0.0.1\",error=\"[^\"]*$2[^\"]*\"\} 1"
}

recovered() {
    goes_via lb1 && has_routes "192\.0\.2\.66" "${1:-1}" && metrics_say '^guideway_bgp_session_up\{peer="10.0.0.1"\} 1' &&
        bgp '.running and ([.peers[] | .state == "established" and .wanted == .announced] | all)' &&
        ! metrics_say '^guideway_bgp_session_error'
}

# readyz STATUS [PATTERN]: what it answers.
readyz() {
    [[ $(on lb1 curl -s -o "$LAB_DIR/ready" -w '%{http_code}' http://127.0.0.1:9660/readyz) == "$1" ]] &&
        grep -qE "${2-}" "$LAB_DIR/ready"
}

has_ended() {
    ! kill -0 "$1"
}

# --- routers ---------------------------------------------------------------------------------------------------------

routers() {
    expect_soon "no router there: status and metrics say so" trouble "idle|connecting" "TCP connection was refused or broke"
    expect_soon "no session has come up yet: it is not ready" readyz 503 'no BGP session has come up yet: .*refused'
    start_router bird
    took "it is started: recovered" recovered
    expect_soon "it is ready" readyz 200

    router_with 's/as 64600/as 64601/'
    expect_soon "it expects another AS: they have what it says" trouble "idle|connecting|opening" "bad peer AS"
    router_with ''
    took "the right one: recovered" recovered

    router_with 's/hold time 9;/hold time 9; password "one";/'
    echo another >"$LAB_DIR/password"
    write_config "password_file: $LAB_DIR/password"
    guideway reload
    expect_soon "another password: they say what to look at" trouble "idle|connecting" "does not answer.*the password the same"
    echo one >"$LAB_DIR/password"
    guideway reload
    took "the right one, after a reload: recovered" recovered
    write_config
    guideway reload
    router_with ''
    took "none any more: recovered" recovered

    stop_router
    expect_soon "the router is down: they say so" trouble "idle|connecting" "administrative shutdown"
    expect "it is as ready as before: that is the router's" readyz 200
    ip -n router link set br-fabric down
    expect_soon "its host is gone: they say what is so now" trouble "connecting" "does not answer"
    ip -n router link set br-fabric up
    ip -n router address add 2001:db8:f::1/64 dev br-fabric nodad 2>/dev/null || true
    start_router bird
    took "it is up again: recovered" recovered
}

# --- ExaBGP ----------------------------------------------------------------------------------------------------------

exabgp_dies_or_hangs() {
    local exabgp before
    before=$(status lb1 .bgp.restarts)
    kill -KILL "$(exabgp_of lb1)"
    expect_soon "ExaBGP is killed: no routes" goes_via ""
    took "recovered" recovered
    expect "status says why" bgp ".restarts == $((before + 1)) and .last_error == \"exabgp ended: signal 9 (Killed)\""
    expect "and the metrics how often" metrics_say "^guideway_bgp_restarts_total $((before + 1))"
    expect_equal "updates in the new sessions: a route each" 3 "$(updates)"

    exabgp=$(exabgp_of lb1)
    kill -STOP "$exabgp"
    took "ExaBGP is stopped: it is replaced" has_ended "$exabgp"
    took "recovered" recovered
    expect "status says why" bgp '.last_error | test("killed: no answer to .* within 15 s")'
    expect_equal "updates in the new sessions: a route each" 3 "$(updates)"
}

# An ExaBGP whose relay garbles a command about one route, so that it is refused.
install_refusing_exabgp() {
    mkdir -p "$LAB_DIR/bin"
    install -d -m 777 "$LAB_DIR/garbled" # ExaBGP's user may write nowhere else
    cat >"$LAB_DIR/bin/exabgp" <<-END
	#!/bin/sh
	[ "\$1" != --version ] || exec $(command -v exabgp) --version
	rm -f $LAB_DIR/garbled/exabgp.conf
	sed 's|run \(.*\);|run $LAB_DIR/bin/garbling \1;|' "\$1" >$LAB_DIR/garbled/exabgp.conf
	exec $(command -v exabgp) $LAB_DIR/garbled/exabgp.conf
	END
    cat >"$LAB_DIR/bin/garbling" <<-END
	#!/bin/sh
	"\$@" | sed -u 's|$1 route 192.0.2.66/32|$1 route 192.0.2.66/33|'
	END
    chmod 755 "$LAB_DIR"/bin/*
}

withdraw_refused() {
    local restarts
    install_refusing_exabgp withdraw
    stop lb1-agent KILL || true
    run_agent
    took "an ExaBGP that will refuse a withdraw: recovered" recovered
    restarts=$(status lb1 .bgp.restarts)
    guideway disable 10.0.0.101 --service other --force
    took "it refuses one: that route goes, the others stay or come back" recovered 0
    expect "for it was ended" bgp ".restarts == $((restarts + 1)) and (.last_error | test(\"refused .*withdraw route 192.0.2.66/32\"))"
    expect_equal "updates in the new sessions: a route each" 2 "$(updates)"
    guideway enable 10.0.0.101 --service other
    took "the route is wanted again: recovered" recovered
}

announcement_refused() {
    install_refusing_exabgp announce
    stop lb1-agent KILL || true
    run_agent
    expect_soon "an announcement is refused: status says which" bgp \
        '.peers[0] | .last_error != null and (.last_error | test("exabgp refused .*announce route 192.0.2.66/32"))'
    expect_soon "and that a route is missing" bgp '.peers[0] | .wanted == 2 and .announced == 1'
    expect_soon "the others are announced" goes_via lb1
}

exabgp_dies_at_once() {
    printf '#!/bin/sh\n[ "$1" = --version ] && exec %s --version\necho oops; exit 3\n' "$(command -v exabgp)" >"$LAB_DIR/bin/exabgp.new"
    chmod 755 "$LAB_DIR/bin/exabgp.new"
    mv "$LAB_DIR/bin/exabgp.new" "$LAB_DIR/bin/exabgp"
    stop lb1-agent KILL || true
    run_agent
    expect_soon "ExaBGP dies whenever it is started: status says so" bgp \
        '.restarts >= 4 and .last_error == "exabgp ended: exit status 3: oops" and (.running | not)'
    expect_soon "it is not ready" readyz 503 "ExaBGP cannot be run: exabgp ended: exit status 3: oops"
    expect_equal "it is started later and later" "250 500 1000 2000" \
        "$(sed -n 's/.*started again in \(.*\) ms/\1/p' "$(log_of lb1-agent)" | head -n 4 | paste -sd ' ')"
    rm "$LAB_DIR/bin/exabgp"
    took "it is repaired: recovered" recovered
    expect_soon "it is ready" readyz 200
}

# Its last words are other people's text; a program that hangs keeps nothing else waiting.
exabgp_is_odd() {
    printf '#!/bin/sh\n[ "$1" = --version ] && exec %s --version\nprintf "a\\033[31m\\007b%%1000d\\n" 0; exit 3\n' \
        "$(command -v exabgp)" >"$LAB_DIR/bin/exabgp"
    chmod 755 "$LAB_DIR/bin/exabgp"
    stop lb1-agent KILL || true
    run_agent
    expect_soon "its last words are shown clean, and cut" bgp \
        '(.last_error | test("^exabgp ended: exit status 3: a \\[31m b +\\.\\.\\.$"))'
    printf '#!/bin/sh\nexec sleep 1000\n' >"$LAB_DIR/bin/exabgp"
    stop lb1-agent KILL || true
    run_agent
    expect_soon "it hangs when asked for its version: status says so" bgp \
        '(.last_error | test("it does not tell its version within 10 s; install exabgp 4.2"))'
    expect "nobody had to wait for that" readyz 503 'no BGP session has come up yet'
    expect "SIGTERM ends the agent" stop lb1-agent
    took "and what hung" eval '! pgrep -f "sleep 1000"'
    rm "$LAB_DIR/bin/exabgp"
}

# ---------------------------------------------------------------------------------------------------------------------

lab_up
remove_static_routes
write_config
run_agent
routers
exabgp_dies_or_hangs
withdraw_refused
announcement_refused
exabgp_dies_at_once
exabgp_is_odd
