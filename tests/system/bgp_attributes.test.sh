#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What a configuration says of sessions and routes is what the router sees: attributes at BIRD and at FRR, kinds of sessions
# at BIRD.
#
#     router (BIRD, then FRR) === BGP === lb1
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
lab_enter "$@"

ROUTER4=10.0.0.1
ROUTER6=2001:db8:f::1

# write_config [BGP_KEYS [PEER_KEYS]]
write_config() {
    cat >"$LAB_DIR/lb.yaml.new" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	bgp:
	  router_id: 10.0.0.11
	  communities: ["64600:100", "64600:1:2"]
	  med: 50
	  graceful_shutdown: 2s
	  ${1:-local_as: 64600}
	  peers:
	    - {address: $ROUTER4, as: 64512, hold_time: 9s${2:+, $2}}
	    - {address: "$ROUTER6", as: 64512, hold_time: 9s${2:+, $2}}
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp"]
	    backends: [10.0.0.101]
	  - name: special
	    listen: ["192.0.2.11:80/tcp"]
	    announce: {communities: ["64600:200"], med: 70, next_hop: 10.0.0.77}
	    backends: [10.0.0.101]
	END
    mv "$LAB_DIR/lb.yaml.new" "$LAB_DIR/lb.yaml"
}

guideway() {
    on lb1 "$GUIDEWAY" "$@" --runtime-dir "$(runtime_dir_of lb1)"
}

# other_sessions BGP_KEYS PEER_KEYS SED_EXPRESSION: on both sides.
other_sessions() {
    stop_router
    write_config "$1" "$2"
    guideway reload
    start_router bird "$3"
}

# route VIP: how the router shows it, each attribute on a line.
route() {
    if [[ $daemon == bird ]]; then
        birdc show route all for "$1"
    else
        on router vtysh -d bgpd -c "show bgp ipv$(family_of "$1") unicast $1"
    fi
}

# seen_with VIP "PATTERN": the patterns separated by blanks, each of which a part of the route matches.
seen_with() {
    local pattern shown
    shown=$(route "$1")
    for pattern in "${@:2}"; do
        grep -qE "$pattern" <<<"$shown" || return 1
    done
}

both_seen_with() {
    local vip
    for vip in $LAB_VIPS; do
        seen_with "$vip" "$@" || return 1
    done
}

bfd_is_up() {
    (($(birdc show bfd sessions | grep -c ' Up ') == 2))
}

# The same at both daemons: BIRD says (64600,100), FRR 64600:100.
attributes() {
    expect_soon "$daemon: the routes have communities, large communities and a MED" both_seen_with \
        '[Cc]ommunity: .*64600[:,]100' '[Ll]arge.[Cc]ommunity: .*64600[:,] ?1[:,] ?2' '(med:|metric) 50'
    expect "$daemon: the next hop is the balancer itself, at its end of the session" goes_via lb1
    expect "$daemon: a service's communities come beside, its MED instead" seen_with 192.0.2.11 \
        '64600[:,]100' '64600[:,]200' '(med:|metric) 70'
    expect "$daemon: and its explicit next hop" seen_with 192.0.2.11 '10\.0\.0\.77'
    guideway withdraw
    expect_soon "$daemon: before a withdraw they have GRACEFUL_SHUTDOWN, and come last" both_seen_with \
        '65535[:,]0|graceful-shutdown' '(local_pref:|localpref) 0'
    took "$daemon: then they go" goes_via ""
    guideway announce
    took "$daemon: and come back" goes_via lb1
    expect "$daemon: as they were" eval '! both_seen_with "65535[:,]0|graceful-shutdown"'
}

lab_up
remove_static_routes
start_router bird
write_config
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
attributes

other_sessions $'local_as: 64512\n  local_preference: 250' "" 's/as 64600/as 64512/'
took "iBGP: announced" goes_via lb1
expect "with a local preference, and no AS in the path" both_seen_with 'local_pref: 250' 'as_path: ?$'

other_sessions "local_as: 4200000001" "" 's/as 64600/as 4200000001/'
took "a 4-byte AS: announced" goes_via lb1
expect "with it in the path" both_seen_with 'as_path: 4200000001'

(umask 077; echo 's3cr;t#{x}$'  >"$LAB_DIR/password")
other_sessions "" "password_file: $LAB_DIR/password" 's/hold time 9;/hold time 9; password "s3cr;t#{x}$";/'
took "with an MD5 password: announced" goes_via lb1

other_sessions "" "ttl: 255" 's/passive;/passive; ttl security on;/'
took "with TTL security: announced" goes_via lb1

# An address of the router beyond its network.
ip -n router address add 10.255.0.1/32 dev lo
ip -n router address add 2001:db8:ff::1/128 dev lo nodad
ROUTER4=10.255.0.1
ROUTER6=2001:db8:ff::1
other_sessions "" "ttl: 2" 's/passive;/passive; multihop 2;/'
took "over several hops: announced" goes_via lb1

ROUTER4=10.0.0.1
ROUTER6=2001:db8:f::1
start bfd lb1 bird -f -c configs/router/bfd.conf -s "$LAB_DIR/bfd.ctl" -P "$LAB_DIR/bfd.pid"
other_sessions "" "" 's/passive;/passive; bfd on;/
    s/^protocol device {}/& protocol bfd { interface "*" { interval 100 ms; multiplier 3; }; }/'
took "with BFD: announced" goes_via lb1
expect_soon "BFD is up for both sessions" bfd_is_up
ip -n lb1 link set eth0 down
LAB_TIMEOUT=5 took "lb1's host vanishes: its routes go, long before the hold time" goes_via ""
ip -n lb1 link set eth0 up
stop bfd || true

stop_router
write_config
guideway reload
start_router frr
took "FRR: announced" goes_via lb1
attributes
