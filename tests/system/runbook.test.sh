#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2119,SC2120
#
# docs/runbook.md names each fault that is injected here by the command that it gives for it. Ends with a table of what
# named what.
#
#     client --- router (BIRD) === BGP over IPv4 and IPv6 === lb1, lb2 ---> be1, be2, be3
set -euo pipefail
LAB_TIMEOUT=60
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
lab_enter "$@"

client=203.0.113.2
vip=192.0.2.10
named=() # rows of the table

# --- the fleet -------------------------------------------------------------------------------------------------------

# write_config lb1 [SED]
write_config() {
    {
        bgp_config "$1" | sed '/^services:/d'
        cat <<-END
			http: $(lab_ipv4 "$1"):9660
			datapath: {max_flows: 1000}
			services:
			  - name: web
			    listen: ["$vip:80/tcp", "[2001:db8:1::10]:80/tcp"]
			    health: {check: tcp, interval: 400ms, timeout: 350ms, rise: 2, fall: 2, damping: {flaps: 100}}
			    backends: [{name: be1, address: 10.0.0.101}, {name: be2, address: 10.0.0.102}, {name: be3, address: 10.0.0.103}]
			  - name: echo
			    listen: ["$vip:7/udp"]
			    tracking: always
			    idle_timeout: 20s
			    backends: [{name: be1, address: 10.0.0.101}, {name: be2, address: 10.0.0.102}, {name: be3, address: 10.0.0.103}]
			  - name: closed
			    listen: ["$vip:81/tcp"]
			    deny: [203.0.113.0/24]
			    backends: [{name: be1, address: 10.0.0.101}]
			  - {name: lone, listen: ["$vip:83/tcp"], backends: [{name: be1, address: 10.0.0.101}]}
		END
    } | sed "${2-}" >"$LAB_DIR/$1.new"
    mv "$LAB_DIR/$1.new" "$LAB_DIR/$1.yaml"
}

# guideway_on HOST COMMAND...
guideway_on() {
    local where=(--runtime-dir "$(runtime_dir_of "$1")" --pins "$(pins_of "$1")")
    case $2 in
    explain) where=() ;;
    disable | enable | withdraw | announce | reload) where=("${where[@]:0:2}") ;;
    esac
    on "$1" "$GUIDEWAY" "${@:2}" "${where[@]}"
}

run_agent() {
    start_agent "$1" "$LAB_DIR/$1.yaml"
    await "$1 to be ready" agent_ready "$1"
}

# --- what names a fault ----------------------------------------------------------------------------------------------

# says PATTERN HOST COMMAND...: the first line that fits it is $LAB_DIR/sentence.
says_line() {
    guideway_on "${@:2}" >"$LAB_DIR/said" 2>&1 || true
    grep -E -m 1 -e "$1" "$LAB_DIR/said" >"$LAB_DIR/sentence"
}

# names FAULT PATTERN HOST COMMAND...: it comes to say so.
names() {
    await "\`guideway ${*:4}\` on $3 to name it: $1" says_line "${@:2}"
    named+=("$1|${*:4} ($3)|$(sed 's/^ *//' "$LAB_DIR/sentence")")
    echo "ok: $1: $(cat "$LAB_DIR/sentence")"
}

finds_nothing() {
    [[ $(guideway_on "$1" doctor) == "nothing found" ]]
}

# mended HOST...: nor is anything named that is not there.
mended() {
    local host
    for host; do
        expect_soon "mended: of $host nothing is wrong" finds_nothing "$host"
    done
}

show_table() {
    printf '\n%-30s | %-40s | %s\n' fault "command (host)" "what it says"
    local row
    for row in "${named[@]}"; do
        IFS='|' read -r fault command sentence <<<"$row"
        printf '%-30s | %-40s | %s\n' "$fault" "$command" "$sentence"
    done
}

# The path of docs/runbook.md where nothing is wrong.
all_is_well() {
    expect "trace: a client has a backend" says_line '^first   10\.0\.0\.10[123] by ' lb1 trace "$client:40000 -> $vip:80/tcp"
    expect_soon "compare: the balancers agree" says_line '^2 balancers agree' lb1 compare "$(lab_ipv4 lb2):9660"
    expect_equal "20 requests answered" 20 "$(http_requests "$vip" 20 10001 | wc -l)"
    expect_soon "stats: they were forwarded" says_line '^forwarded ' lb1 stats
    expect_soon "status of a backend: they were unwrapped" says_line '^unwrapped ' be1 status
    expect_equal "flows: there is no record while no slot moves" "0 flow records" "$(guideway_on lb1 flows --service web)"
    expect "table: each has its share" eval '"$GUIDEWAY" table -c "$LAB_DIR/lb1.yaml" --service web | grep -q "10.0.0.103 .* 33.33"'
}

# --- backends --------------------------------------------------------------------------------------------------------

restart_backend() {
    start_backend "$1"
    await "$1 to unwrap" unwraps "$1"
}

# Its helper would bring it back within a second.
vip_missing() {
    stop be1-backend KILL || true
    ip -n be1 address del "$vip/32" dev lo
    names "VIP missing on a backend" "^$vip: it is no address of this host" be1 doctor
    names "VIP missing on a backend" "10.0.0.101 of web: it is down: decap broken" lb1 doctor
    restart_backend be1
    mended be1 lb1 lb2
}

# What it forwards meets a balancer again, and then perhaps a backend that answers: balancers see it come and go.
vip_missing_where_forwarded() {
    on be1 sysctl -q -w net.ipv4.ip_forward=1
    stop be1-backend KILL || true
    ip -n be1 address del "$vip/32" dev lo
    names "VIP missing, and the host forwards" "^$vip: it is no address of this host" be1 doctor
    restart_backend be1
    on be1 sysctl -q -w net.ipv4.ip_forward=0
    mended be1 lb1 lb2
}

# Its file does not know the VIP: it passes on what the balancers send.
vip_not_configured() {
    stop be1-backend
    LAB_VIPS=192.0.2.99 restart_backend be1
    ip -n be1 address del "$vip/32" dev lo 2>/dev/null || true
    names "VIP missing in backend.yaml" "^unknown_vip: [1-9][0-9]* packets had this verdict" be1 doctor
    names "VIP missing in backend.yaml" "10.0.0.101 of web: it is down: decap broken" lb1 doctor
    names "VIP missing in backend.yaml" "^unknown_vip .*a VIP is missing" be1 status
    guideway_on be1 detach --backend # also the counts
    restart_backend be1
    mended be1 lb1 lb2
}

mtu_too_small() {
    ip -n be1 link set eth0 mtu 1500
    names "wrong MTU" "^eth0: MTU 1500 is too small for clients' full-sized packets" be1 doctor
    names "wrong MTU" "10.0.0.101 of web: it is down: MTU broken" lb1 doctor
    ip -n be1 link set eth0 mtu 1600
    mended be1 lb1 lb2
}

# Answers leave by another interface than requests come by. The balancers' own probes are answered all the same.
strict_rp_filter() {
    ip -n be1 link add out0 type veth peer name from-be1 netns router
    ip -n router address add 10.1.0.1/24 dev from-be1
    ip -n router link set from-be1 up
    ip -n be1 link set out0 up
    ip -n be1 address add 10.1.0.2/24 dev out0
    ip -n be1 route replace default via 10.1.0.1
    names "rp_filter on a backend" "rp_filter of .* is strict, but the way to clients is not eth0" be1 doctor
    ip -n be1 link delete out0
    ip -n be1 route replace default via 10.0.0.1
    mended be1 lb1 lb2
}

decap_gone() {
    stop be1-backend KILL || true
    bpftool link detach pinned "$(pins_of be1)/link-eth0"
    names "decap gone on a backend" "^the program that unwraps is attached to none of eth0" be1 doctor
    names "decap gone on a backend" "10.0.0.101 of web: it is down: decap broken" lb1 doctor
    restart_backend be1
    mended be1 lb1 lb2
}

application_dead() {
    stop be1-app || true
    names "application dead" "10.0.0.101 of web: it is down: application down: connect: Connection refused" lb1 doctor
    names "application dead" "^ +down since .*: application down: connect: Connection refused" lb1 backends
    stop be2-app || true
    names "most backends down" "^web: too few of its backends are healthy, so all serve" lb1 doctor
    stop be3-app || true
    names "all backends down" "^ +health   0 of 3 up, PANIC" lb1 services
    names "all backends down" "^2001:db8:1::10: it is not announced: web: 0 healthy, min_healthy is 1" lb1 doctor
    for backend in be1 be2 be3; do
        start_app "$backend"
    done
    mended lb1 lb2
}

next_hop_gone() {
    ip -n be1 link set eth0 down
    names "next hop gone" "10.0.0.101 of web: its next hop is not known: " lb1 doctor
    names "next hop gone" "^lone: no backend has a next hop" lb1 doctor
    names "next hop gone" "^first   dropped: no_next_hop to 10.0.0.101" lb1 trace "$client:40000 -> $vip:83/tcp"
    ip -n be1 -batch - <<-END
		link set eth0 up
		route replace default via 10.0.0.1
		route replace default via 2001:db8:f::1
	END
    mended be1 lb1 lb2
}

# --- a balancer ------------------------------------------------------------------------------------------------------

# The agent would attach it again, if nobody had taken its place.
program_detached() {
    until bpftool link detach pinned "$(pins_of lb1)/link-eth0" &&
        ip -n lb1 link set eth0 xdpdrv obj "$LAB_DIR/xdp_pass.bpf.o" sec xdp.frags; do
        await "lb1 to be attached again" xdp_attached lb1
    done 2>/dev/null
    names "program detached" "^attach to eth0: another XDP program .* is attached there" lb1 doctor
    names "program detached" "^eth0: NOT attached" lb1 status
    ip -n lb1 link set eth0 xdp off
    mended lb1
}

agent_dead() {
    stop lb1-agent KILL || true
    names "agent dead" "^no agent runs" lb1 doctor
    bpftool link detach pinned "$(pins_of lb1)/link-eth0"
    names "agent dead, program detached" "^eth0: the program is not attached" lb1 doctor
    run_agent lb1
    mended lb1
}

agent_hangs() {
    kill -STOP "$(pid_of lb1-agent)"
    names "agent hangs" "^process $(pid_of lb1-agent): it runs, but does not answer" lb1 doctor
    kill -CONT "$(pid_of lb1-agent)"
    mended lb1
}

reload_refused() {
    sed -i 's/name: web/name: w b/' "$LAB_DIR/lb1.yaml"
    names "reload refused" "^$LAB_DIR/lb1.yaml: the last reload was refused: " lb1 doctor
    write_config lb1
    mended lb1
}

interface_lost() {
    ip -n lb1 link add eth1 type veth peer name eth1-peer
    ip -n lb1 link set eth1 up
    ip -n lb1 link set eth1-peer up
    write_config lb1 's/^interfaces: .*/interfaces: [eth0, eth1]/'
    await "lb1 to be attached to eth1" xdp_attached lb1 eth1
    ip -n lb1 link delete eth1
    names "interface lost" "^eth1: the program is not attached" lb1 doctor
    write_config lb1
    mended lb1
}

# The balancer's own: nobody is judged by it.
own_link_away() {
    ip -n router link set to-lb1 down
    names "the balancer's own link away" "10.0.0.101 of web: it cannot be probed from here: " lb1 doctor
    names "the balancer's own link away" "CANNOT BE PROBED FROM HERE" lb1 services
    ip -n router link set to-lb1 up
    mended lb1
}

withdrawn_by_hand() {
    guideway_on lb1 withdraw --wait
    names "withdrawn by hand" "^the VIPs are withdrawn by hand" lb1 doctor
    guideway_on lb1 announce
    mended lb1
}

exabgp_dead() {
    kill -KILL "$(exabgp_of lb1)"
    names "ExaBGP dead" "ExaBGP .*, restarted [0-9]+ times: exabgp ended: signal 9 " lb1 status
    mended lb1
    mkdir -p "$LAB_DIR/bin"
    printf '#!/bin/sh\n[ "$1" != --version ] || exec %s --version\nexit 3\n' "$(command -v exabgp)" >"$LAB_DIR/bin/exabgp"
    chmod 755 "$LAB_DIR/bin/exabgp"
    stop lb1-agent || true
    PATH="$LAB_DIR/bin:$PATH" start_agent lb1 "$LAB_DIR/lb1.yaml"
    names "ExaBGP does not start" "^ExaBGP does not answer: exabgp ended: " lb1 doctor
    stop lb1-agent || true
    run_agent lb1
    mended lb1
}

router_refuses() {
    stop_router
    start_router bird 's/as 64600/as 64601/'
    names "router refuses the session" "^10.0.0.1: the session is .*bad peer AS" lb1 doctor
    stop_router
    start_router bird
    mended lb1 lb2
}

flow_table_full() {
    local port
    for port in {20000..26000..1000}; do
        udp_requests "$vip" 1000 --first-source-port "$port" >"$LAB_DIR/answers"
    done
    names "table of flows full" "^the flow table is full|flow records are in use" lb1 doctor
    names "table of flows full" "[1-9][0-9]* found no room for one" lb1 services
}

# ask_in_vain PORT: one SYN from each of 16 ports.
ask_in_vain() {
    local port
    for port in {41000..41015}; do
        on client curl -sS --max-time 0.1 --local-port "$port" "http://$vip:$1/" >>"$LAB_DIR/answers" 2>&1 || true
    done
}

client_denied() {
    names "deny list hits the client" "^client  denied" lb1 trace "$client:40000 -> $vip:81/tcp"
    ask_in_vain 81 # so many that some meet lb1
    names "deny list hits the client" "^client_denied " lb1 stats
    names "deny list hits the client" "allow and deny" lb1 explain client_denied
}

no_listener() {
    names "no listener" "^no_listener: no service listens on $vip:82" lb1 trace "$client:40000 -> $vip:82/tcp"
}

# --- balancers that differ -------------------------------------------------------------------------------------------

digest_differs() {
    guideway_on lb2 disable be2 --service web
    names "digest differs" "^health of 10.0.0.102 in web: .*by hand" lb1 compare "$(lab_ipv4 lb2):9660" --grace 0s
    guideway_on lb2 enable be2 --service web
    await "lb1 and lb2 to agree" agree
}

hash_key_differs() {
    write_config lb2 's/5b7a/5b7b/'
    names "hash key changed, and reloaded" "the last reload was refused: .*hash_key" lb2 doctor
    stop lb2-agent || true
    run_agent lb2
    names "hash key differs" "^fingerprint: " lb1 compare "$(lab_ipv4 lb2):9660" --grace 0s
    stop lb2-agent || true
    write_config lb2
    run_agent lb2
    await "lb1 and lb2 to agree" agree
}

# --- plans -----------------------------------------------------------------------------------------------------------

agree() {
    guideway_on lb1 compare "$(lab_ipv4 lb2):9660" --grace 0s
}

upgrade() {
    stop lb1-agent || fail "the agent ended with status $? on SIGTERM"
    GUIDEWAY=$GUIDEWAY_UPGRADED run_agent lb1
    mended lb1
    expect_soon "upgrade: lb1 and lb2 agree" agree
    stop lb1-agent || fail "the agent ended with status $? on SIGTERM"
    run_agent lb1
    mended lb1
    expect_soon "roll back: lb1 and lb2 agree" agree
}

add_service() {
    local balancer fresh='s/^services:/&\n  - {name: fresh, listen: ["192.0.2.10:85\/tcp"], backends: [10.0.0.101]}/'
    sed "$fresh" "$LAB_DIR/lb1.yaml" >"$LAB_DIR/new.yaml"
    expect "add a service: its file is right" "$GUIDEWAY" check -c "$LAB_DIR/new.yaml"
    on lb1 "$GUIDEWAY" plan -c "$LAB_DIR/new.yaml" --runtime-dir "$(runtime_dir_of lb1)" >"$LAB_DIR/planned"
    expect "add a service: the plan has it" grep -q '^service fresh: added' "$LAB_DIR/planned"
    expect "and nothing else moves" eval '! grep -E "^service .*: changed" "$LAB_DIR/planned"'
    for balancer in lb1 lb2; do
        write_config "$balancer" "$fresh"
        guideway_on "$balancer" reload
    done
    expect_soon "a client of it has a backend" says_line '^first   10.0.0.101 by ' lb1 trace "$client:40000 -> $vip:85/tcp"
    expect_soon "add a service: lb1 and lb2 agree" agree
    mended lb1 lb2
    for balancer in lb1 lb2; do
        write_config "$balancer"
        guideway_on "$balancer" reload
    done
}

replace_balancer() {
    guideway_on lb2 withdraw --wait
    expect_soon "replace lb2: the routes lead to lb1 alone" goes_via lb1
    stop lb2-agent || fail "the agent ended with status $? on SIGTERM"
    guideway_on lb2 detach
    expect_soon "nothing is left on lb2" xdp_detached lb2
    rm -rf "$(runtime_dir_of lb2)"
    expect_equal "the new one will do" "nothing found" "$(guideway_on lb2 doctor -c "$LAB_DIR/lb2.yaml")"
    run_agent lb2
    expect_soon "the routes lead to both" goes_via "lb1 lb2"
    expect_soon "lb1 and the new one agree" agree
    mended lb2
}

# ---------------------------------------------------------------------------------------------------------------------

lab_up
for backend in $(lab_backends); do # no routers; what else they would do is in vip_missing_where_forwarded
    on "$backend" sysctl -q -w net.ipv4.ip_forward=0
done
remove_static_routes
start_router bird
start_backends be1 be2 be3
for balancer in lb1 lb2; do
    write_config "$balancer"
    run_agent "$balancer"
done
await "both to be announced" goes_via "lb1 lb2"
mended lb1 lb2 be1 be2 be3

FAULTS=${RUNBOOK_FAULTS:-all_is_well vip_missing vip_missing_where_forwarded vip_not_configured application_dead mtu_too_small
    strict_rp_filter decap_gone next_hop_gone own_link_away interface_lost program_detached agent_dead agent_hangs reload_refused withdrawn_by_hand
    exabgp_dead router_refuses client_denied no_listener digest_differs hash_key_differs
    upgrade add_service replace_balancer flow_table_full}
for fault in $FAULTS; do
    "$fault"
done
show_table
