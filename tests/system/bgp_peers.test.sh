#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016
#
# Peers come, go and change by a reload: sessions with the others, and the routes in them, notice nothing.
#
#     router (BIRD) === BGP over IPv4 and IPv6 === lb1, from 10.0.0.11, ::11, and from 10.0.0.21 for another peer
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

V4="address: 10.0.0.1, as: 64512, hold_time: 9s"
V6="address: \"2001:db8:f::1\", as: 64512, hold_time: 9s"
OTHER="address: 10.0.0.2, as: 64512, hold_time: 9s, source: 10.0.0.21"

# write_config PEER...
write_config() {
    local peer
    {
        cat <<-END
		interfaces: [eth0]
		hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
		bgp:
		  local_as: ${local_as-64600}
		  router_id: 10.0.0.11
		  graceful_shutdown: 1s
		  next_hop6: "2001:db8:f::11"
		  peers:
		END
        for peer; do echo "    - {$peer}"; done
        cat <<-END
		services:
		  - {name: web, listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp"], backends: [10.0.0.101]}
		END
    } >"$LAB_DIR/lb.yaml.new"
    mv "$LAB_DIR/lb.yaml.new" "$LAB_DIR/lb.yaml"
}

guideway() {
    on lb1 "$GUIDEWAY" "$@" --runtime-dir "$(runtime_dir_of lb1)"
}

reload_with() {
    write_config "$@"
    guideway reload
}

bgp() {
    status lb1 ".bgp | $1"
}

# in_step COUNT: so many sessions are up and have what they should.
in_step() {
    bgp ".running and (.peers | length == $1) and ([.peers[] | .state == \"established\" and .wanted == .announced] | all)"
}

# session FROM: the router's with that address of lb1, and since when.
session() {
    birdc show protocols all | awk -v from="$1" '/^balancer/ { since = $1 " " $5 " " $6 }
                                                 /Neighbor address:/ && $3 == from { print since }'
}

# is_since BEFORE NOW: the same line; BIRD computes the time anew, to a millisecond or two.
is_since() {
    [[ -n $1 && ${1%% *} == "${2%% *}" ]] && awk -v before="$1" -v now="$2" '
        function ms(line, words, parts) { split(line, words, " "); split(words[2], parts, ":")
                                          return parts[1] * 3600000 + parts[2] * 60000 + parts[3] * 1000 }
        BEGIN { d = ms(now) - ms(before); exit !(d < 20 && d > -20) }'
}

# has_session FROM: the router says that it is established.
has_session() {
    birdc show protocols all | awk -v from="$1" '/^balancer/ { state = $0 }
                                                 /Neighbor address:/ && $3 == from && state ~ /Established/ { found = 1 }
                                                 END { exit !found }'
}

# begin: remembers what must not change.
begin() {
    before4=$(session 10.0.0.11)
    before6=$(session 2001:db8:f::11)
    exabgp=$(exabgp_of lb1)
    stop route-watch 2>/dev/null || true
    start route-watch router ip monitor route
}

# untouched "sentence" FAMILY...: these sessions and their routes.
untouched() {
    local family
    expect_equal "$1: by the same ExaBGP" "$exabgp" "$(exabgp_of lb1)"
    for family in "${@:2}"; do
        if [[ $family == 4 ]]; then
            expect "$1: the IPv4 session is the same" is_since "$before4" "$(session 10.0.0.11)"
            expect "$1: and its route was always there" eval '! grep -q "^Deleted 192" "$(log_of route-watch)"'
        else
            expect "$1: the IPv6 session is the same" is_since "$before6" "$(session 2001:db8:f::11)"
            expect "$1: and its route was always there" eval '! grep -q "^Deleted 2001" "$(log_of route-watch)"'
        fi
    done
}

next_hops() {
    ip -n router -json -4 route show to exact 192.0.2.10 | jq -r '[.[] | .gateway?, .nexthops[]?.gateway?] | map(strings) | sort | join(" ")'
}

leads_to() {
    [[ $(next_hops) == "$1" ]]
}

lab_up
remove_static_routes
ip -n router address add 10.0.0.2/24 dev br-fabric
ip -n lb1 address add 10.0.0.21/24 dev eth0
start_router bird
write_config "$V4" "$V6"
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
took "two sessions" in_step 2
took "announced" goes_via lb1

begin
reload_with "$V4" "$V6" "$OTHER"
took "a peer is added: its session comes up" in_step 3
took "and it has the route" leads_to "10.0.0.11 10.0.0.21"
untouched "a peer is added" 4 6

begin
reload_with "$V4" "$V6" "${OTHER/9s/12s}"
took "it changes: its session is begun anew" in_step 3
took "and it has the route" leads_to "10.0.0.11 10.0.0.21"
untouched "one changes" 4 6

# ExaBGP 4.2 fails to take a family away from a neighbour that has routes of it.
reload_with "$V4" "$V6" "$OTHER, families: [ipv4, ipv6]"
expect_soon "it takes both families" eval 'in_step 3 && bgp ".peers[2].wanted == 2"'
begin
reload_with "$V4" "$V6" "$OTHER"
took "it takes one family less" eval 'in_step 3 && bgp ".peers[2].wanted == 1"'
took "and it has the route" leads_to "10.0.0.11 10.0.0.21"
untouched "one loses a family" 4 6

begin
reload_with "$V4" "$V6"
took "it is removed: its route goes" leads_to 10.0.0.11
expect_soon "and it is no peer any more" in_step 2
untouched "one is removed" 4 6

begin
reload_with "$V6" "${V4/hold_time: 9s/hold_time: 12s}" "$OTHER"
took "one changes, one is added, their order is another" in_step 3
untouched "one changes, one is added" 6
took "both routes are there" leads_to "10.0.0.11 10.0.0.21"

reload_with "$V4" "$V6"
took "as at first" in_step 2
took "in the router, too" eval 'has_session 10.0.0.11 && has_session 2001:db8:f::11 && leads_to 10.0.0.11'
begin
# Nobody can be reached at that one's address until there is a route to it.
ip -n lb1 route del default
ip -n lb1 -6 route del default
reload_with "$V4" "$V6" "address: 10.255.0.2, as: 64512, hold_time: 9s, ttl: 2"
expect_soon "a peer to whom no route leads: status says so" bgp '.peers[2].last_error == "no route to 10.255.0.2: Network is unreachable"'
ip -n router address add 10.255.0.2/32 dev lo
ip -n lb1 route add 10.255.0.0/24 via 10.0.0.1
expect_soon "there is a route: status says what is so now" bgp '.peers[2].last_error | . == null or (test("no route") | not)'
untouched "a peer gets a route" 4 6

exabgp=$(exabgp_of lb1)
local_as=64601
stop_router
start_router bird 's/as 64600/as 64601/'
reload_with "$V4" "$V6"
took "what concerns every session changes: both come up anew" in_step 2
took "announced" goes_via lb1

reload_with "$V4"
expect_soon "nobody takes the IPv6 VIP: status says so" bgp \
    '.vips[] | select(.vip == "2001:db8:1::10") | (.announced | not) and (.reason | test("^no peer takes IPv6 routes: add an IPv6 peer"))'
expect "the other one is announced" bgp '.vips[] | select(.vip == "192.0.2.10") | .announced'

reload_with_none() {
    write_config
    sed -i 's/  peers:/  peers: []/' "$LAB_DIR/lb.yaml"
    guideway reload
}
reload_with_none
took "no peers: nothing is announced" goes_via ""
expect_soon "and no ExaBGP runs" eval '! pgrep -f "bgp-supervisor $LAB_DIR/lb1/bgp "'
reload_with "$V4" "$V6"
took "peers: announced" goes_via lb1

expect_equal "withdraw" 0 "$(guideway withdraw --wait >/dev/null && echo $?)"
expect "the routes are gone" goes_via ""
guideway announce
sed -i '/^bgp:/,/^services:/{/^services:/!d}' "$LAB_DIR/lb.yaml"
guideway reload
expect_equal "without a bgp section a withdraw has nothing to do, and says so" \
    "withdraw: nothing to do: the configuration has no bgp section, so nothing is announced" "$(guideway withdraw --wait)"
