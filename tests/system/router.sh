# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The lab's router as a BGP router (BIRD 2 or FRR, with configs/router/), and balancers as far as it can tell. Sourced
# after scripts/lab and guideway.sh.

ANNOUNCER=$(dirname "$GUIDEWAY")/tests/system/announcer
declare -A announcer_input=()
daemon=

# --- the router ------------------------------------------------------------------------------------------------------

# From now on the routes to the VIPs are what a daemon learns.
remove_static_routes() {
    local vip
    for vip in $LAB_VIPS; do
        ip -n router "-$(family_of "$vip")" route flush to exact "$vip"
    done
}

# start_router bird|frr [SED_EXPRESSION]: with its file of configs/router/, changed that way.
start_router() {
    daemon=$1
    sed "${2-}" "$LAB_ROOT/configs/router/$daemon.conf" >"$LAB_DIR/$daemon.conf"
    "start_$daemon"
}

stop_router() {
    "stop_$daemon"
}

start_bird() {
    start bird router bird -f -c "$LAB_DIR/bird.conf" -s "$LAB_DIR/bird.ctl" -P "$LAB_DIR/bird.pid"
    await "BIRD to be ready" birdc show status
}

stop_bird() {
    stop bird || true
}

birdc() {
    on router birdc -r -s "$LAB_DIR/bird.ctl" "$@"
}

# What BIRD has received in the sessions that there are: routes announced or withdrawn, not counting End-of-RIB.
updates() {
    birdc show protocols all | awk '/^[a-z]/ { ours = /^balancer/ }
                                    ours && /Import (updates|withdraws):/ { sum += $3 }
                                    END { print sum + 0 }'
}

# In both sessions of the one balancer there is.
router_keeps_stale_routes() {
    "${daemon}_keeps_stale_routes"
}

bird_keeps_stale_routes() {
    (($(birdc show protocols all | grep -c 'Neighbor graceful restart active') == 2))
}

frr_keeps_stale_routes() {
    local family
    for family in ipv4 ipv6; do
        on router vtysh -d bgpd -c "show bgp $family unicast json" |
            jq -e '[.routes[][] | .stale == true] | any' || return 1
    done
}

start_frr() {
    mountpoint -q /etc/frr || mount -t tmpfs tmpfs /etc/frr
    install -d -o frr -g frr /run/frr
    cp "$LAB_DIR/frr.conf" /etc/frr/frr.conf
    touch /etc/frr/vtysh.conf
    chown frr:frr /etc/frr/*.conf
    start zebra router /usr/lib/frr/zebra --v6-rr-semantics -A 127.0.0.1 -P 0 -f /dev/null --log stdout
    await "zebra to be ready" test -S /run/frr/zserv.api
    start bgpd router /usr/lib/frr/bgpd -A 127.0.0.1 -P 0 -f /dev/null --log stdout
    await "bgpd to be ready" frr_answers
    on router vtysh -f /etc/frr/frr.conf >"$LAB_DIR/vtysh.log" 2>&1
}

frr_answers() {
    on router vtysh -d bgpd -c 'show bgp summary'
}

stop_frr() {
    stop bgpd || true
    stop zebra || true
    rm -rf /run/frr
}

# via VIP: the balancers that the router's one route to the VIP leads to.
via() {
    local balancer gateways names=()
    gateways=" $(ip -n router -json "-$(family_of "$1")" route show to exact "$1" |
        jq -r 'select(length == 1) | .[] | [.gateway?, .via?.host?, (.nexthops[]? | .gateway?, .via?.host?)] | map(strings) | join(" ")') "
    for balancer in $(lab_balancers); do
        [[ $gateways != *" $(lab_address_like "$1" "$balancer") "* ]] || names+=("$balancer")
    done
    echo "${names[*]}"
}

family_of() {
    if [[ $1 == *:* ]]; then echo 6; else echo 4; fi
}

# goes_via "lb1 lb2": both VIPs.
goes_via() {
    local vip
    for vip in $LAB_VIPS; do
        [[ $(via "$vip") == "$1" ]] || return 1
    done
}

# routes_to PREFIX_PATTERN: how many of the router's IPv4 routes look so.
routes_to() {
    ip -n router -4 route show | grep -c "^$1" || true
}

has_routes() {
    [[ $(routes_to "$1") == "$2" ]]
}

# --- balancers -------------------------------------------------------------------------------------------------------

# bgp_config lb1 [PEER_KEYS [PEERS]]: sessions over IPv4 and IPv6, each peer with those keys besides.
bgp_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	bgp:
	  local_as: ${BGP_AS:-64600}
	  router_id: $(lab_ipv4 "$1")
	  communities: ["64600:100", "64600:1:2"]
	  med: 50
	  graceful_shutdown: ${GRACEFUL_SHUTDOWN:-2s}
	  hold_after_kill: ${HOLD_AFTER_KILL:-30s}
	  peers:
	    - {address: 10.0.0.1, as: 64512, hold_time: ${HOLD_TIME:-9s}${2:+, $2}}
	    - {address: "2001:db8:f::1", as: 64512, hold_time: ${HOLD_TIME:-9s}${2:+, $2}}
	services: []
	END
}

# start_announcer lb1 [PEER_KEYS [OPTION...]]
start_announcer() {
    local fifo=$LAB_DIR/$1.commands descriptor
    bgp_config "$1" "${2-}" >"$LAB_DIR/$1.yaml"
    [[ -p $fifo ]] || mkfifo "$fifo"
    exec {descriptor}<>"$fifo"
    announcer_input[$1]=$descriptor
    : >"$LAB_DIR/$1.answers"
    # shellcheck disable=SC2016 # for the shell inside
    start "$1-announcer" "$1" sh -c 'exec "$@" <"$0.commands" >>"$0.answers"' "$LAB_DIR/$1" \
        "$ANNOUNCER" -c "$LAB_DIR/$1.yaml" --directory "$LAB_DIR/$1/bgp" "${@:3}"
}

# tell lb1 COMMAND...
tell() {
    [[ -z $LAB_VERBOSE ]] || echo "$1: ${*:2}" | cut -c 1-100
    echo "${*:2}" >&"${announcer_input[$1]}"
}

# bgp_status lb1 FILTER
bgp_status() {
    local before answers=$LAB_DIR/$1.answers tries=0
    before=$(wc -l <"$answers")
    echo status >&"${announcer_input[$1]}"
    until (($(wc -l <"$answers") > before)); do
        ((tries++ < 200)) || return 1
        sleep 0.02
    done
    tail -n 1 "$answers" | jq -er "$2"
}

# says lb1 FILTER: whether the status is so.
says() {
    [[ $(bgp_status "$1" "$2") == true ]]
}

sessions_up() {
    says "$1" '[.peers[].state == "established"] | all'
}

# Sessions, and all that is wanted announced, and known at the router.
in_step() {
    says "$1" '.running and ([.peers[] | .state == "established" and .wanted == .announced] | all)'
}

# supervisor_of lb1: the process that runs ExaBGP, whose only child it is; the relay is the only child of that.
supervisor_of() {
    pgrep -f -- "bgp-supervisor $LAB_DIR/$1/bgp "
}

exabgp_of() {
    pgrep -P "$(supervisor_of "$1")"
}

relay_of() {
    pgrep -P "$(exabgp_of "$1")"
}

# --- time ------------------------------------------------------------------------------------------------------------

# took "sentence" CONDITION...: awaits it, and prints how long that took.
took() {
    local began=$EPOCHREALTIME
    until "${@:2}" >/dev/null 2>&1; do
        ((${EPOCHREALTIME/./} - ${began/./} < LAB_TIMEOUT * 1000000)) || fail "waited $LAB_TIMEOUT s in vain for: $1"
        sleep 0.01
    done
    echo "ok: $1 ($(((${EPOCHREALTIME/./} - ${began/./}) / 1000)) ms)"
}
