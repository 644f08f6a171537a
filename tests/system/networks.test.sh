#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What real networks send, with the tools that people use: ping and traceroute to a VIP, a way to the clients or to
# the backends that is narrower than the packets, fragments, GRE and GUE, clients that are not let in, jumbo frames.
#
#     client ---[1500]--- router ---[1600]--- lb1 ---> be1 be2 be3
set -euo pipefail
LAB_BALANCERS=1 # a router may send the fragments of one datagram to different balancers
LAB_VIPS="192.0.2.10 2001:db8:1::10 192.0.2.11 2001:db8:1::11 192.0.2.12 2001:db8:1::12 192.0.2.13 192.0.2.14 2001:db8:1::14"
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

write_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp", "192.0.2.10:7/udp", "[2001:db8:1::10]:80/tcp", "[2001:db8:1::10]:7/udp"]
	    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
	  - name: by-gre
	    listen: ["192.0.2.11:80/tcp", "192.0.2.11:7/udp", "[2001:db8:1::11]:80/tcp", "[2001:db8:1::11]:7/udp"]
	    encapsulation: gre
	    backends: [10.0.0.101, "2001:db8:f::102"]
	  - name: by-gue
	    listen: ["192.0.2.12:80/tcp", "192.0.2.12:7/udp", "[2001:db8:1::12]:80/tcp", "[2001:db8:1::12]:7/udp"]
	    encapsulation: gue
	    backends: [10.0.0.101, "2001:db8:f::102"]
	  - name: picky
	    listen: ["192.0.2.13:80/tcp"]
	    allow: [203.0.113.0/24]
	    deny: [203.0.113.2/32]
	    affinity: client
	    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
	  - name: narrow
	    listen: ["192.0.2.14:80/tcp", "[2001:db8:1::14]:80/tcp"]
	    backends: [{address: 10.0.0.101, mtu: 1500}]
	END
}

# count VERDICT: as the maps have it now.
count() {
    verdict_packets lb1 "$1"
}

echoes() {
    local vip before
    for vip in 192.0.2.10 2001:db8:1::10; do
        before=$(count echo_answered)
        expect "$vip answers ping" on client ping -q -c 3 -i 0.02 -W 2 "$vip"
        expect "with full-size packets as well" on client ping -q -c 3 -i 0.02 -W 2 -s 1440 "$vip"
        expect "traceroute by ICMP ends there" ends_at "$vip" -I
        expect "traceroute by TCP does, too" ends_at "$vip" -T -p 80
        expect_more "echo requests were answered by the program" $((before + 6)) "$(count echo_answered)"
    done
}

# ends_at VIP OPTION...: traceroute sees the router, then the VIP.
ends_at() {
    on client traceroute -n -q 1 -w 2 -m 4 "${@:2}" "$1" >"$LAB_DIR/trace"
    [[ $(awk 'NR > 1 { print $2 }' "$LAB_DIR/trace" | tail -n 1) == "$1" && $(wc -l <"$LAB_DIR/trace") == 3 ]]
}

# The router cannot send full-size packets on to the client, and says so to the VIP: that must reach the backend whose
# packets they are, or it would send them again and again.
narrow_way_to_clients() {
    local vip
    on router ip link set to-client mtu 1300
    for vip in 192.0.2.10 2001:db8:1::10; do
        expect_equal "$vip: downloads over a way of 1300 bytes are whole" "$(printf '200000\n%.0s' {1..6})" \
            "$(downloads "$vip" 200000 6)"
    done
    on router ip link set to-client mtu 1500
    expect "backends have learnt it from the router" learnt_mtu 1300
    for backend in $(lab_backends); do
        on "$backend" ip route flush cache
        on "$backend" ip -6 route flush cache
    done
}

# downloads VIP BYTES COUNT: how much of each arrives.
downloads() {
    local i
    for ((i = 0; i < $3; i++)); do
        on client curl -sS --max-time 10 "$(url "$1" "/blob/$2")" | wc -c
    done
}

# learnt_mtu MTU: some backend has it for its way to the client.
learnt_mtu() {
    local backend
    for backend in $(lab_backends); do
        ! grep -q "mtu $1" < <(on "$backend" ip route get 203.0.113.2 from 192.0.2.10) || return 0
    done
    return 1
}

# What the client sends is too big once it is wrapped.
narrow_way_to_backends() {
    local before
    before=$(count too_big_answered)
    on client ip route flush cache
    expect_equal "an upload to a backend with an MTU of 1500 is whole" intact "$(upload 192.0.2.14 1000000)"
    expect_equal "over IPv6, too" intact "$(upload 2001:db8:1::14 1000000)"
    expect_more "as the program said what fits" "$before" "$(count too_big_answered)"
    expect "and the client listened: 1480 bytes fit with an IPv4 header around" client_learnt 192.0.2.14 1480
    expect "both families" client_learnt 2001:db8:1::14 1480
}

client_learnt() {
    grep -q "mtu $2" < <(on client ip route get "$1")
}

# The backends learn from the first answers over IPv6, which are lost, that the way to the client takes 1500 bytes.
fragments() {
    local vip
    for vip in 192.0.2.10 2001:db8:1::10 192.0.2.12; do
        udp_requests "$vip" 20 --size 4000 --timeout 0.2 --first-source-port 20000 >"$LAB_DIR/first"
        expect_equal "$vip: 20 datagrams of 4000 bytes come back whole, in fragments both ways" 20 \
            "$(udp_requests "$vip" 20 --size 4000 | wc -l)"
    done
}

tunnels() {
    local service vip
    while read -r service vip filter; do
        watch "$service" to-lb1 "$filter"
        expect_equal "$service, $vip: 20 requests answered" 20 "$(requests "$vip" 20)"
        expect_equal "$service, $vip: datagrams, too" 20 "$(udp_requests "$vip" 20 | wc -l)"
        expect_equal "$service, $vip: an upload is whole" intact "$(upload "$vip" 300000)"
        stop_watch "$service"
        expect_more "$service, $vip: wrapped so" 100 "$(seen "$service" "ether src $(lab_mac lb1)")"
    done <<-END
	by-gre 192.0.2.11 ip proto 47 or ip6 proto 47
	by-gre 2001:db8:1::11 ip proto 47 or ip6 proto 47
	by-gue 192.0.2.12 udp port 6080
	by-gue 2001:db8:1::12 udp port 6080
	END
    expect_more "GUE: the underlay sees flows by their source ports" 10 \
        "$(tcpdump -n -r "$LAB_DIR/by-gue.pcap" 2>/dev/null | sed -n 's/.*[.]\([0-9]*\) > [^ ]*[.]6080:.*/\1/p' | sort -u | wc -l)"
}

# requests VIP COUNT: how many are answered.
requests() {
    local i
    for ((i = 0; i < $2; i++)); do
        on client curl -sS --max-time 5 "$(url "$1" /)" || true
    done | wc -l
}

# The outer sources vary inside a prefix, from which the backends take them.
varied_sources() {
    local before
    before=$(service_packets lb1 web)
    sed -i '1i datapath: {source_prefix: 10.9.0.0/16}' "$LAB_DIR/lb.yaml"
    expect "a reload that has outer sources vary" on lb1 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)"
    watch varied to-lb1 'src net 10.9.0.0/16'
    expect_equal "20 requests are answered" 20 "$(requests 192.0.2.10 20)"
    stop_watch varied
    expect_more "by many outer sources" 10 \
        "$(tcpdump -n -r "$LAB_DIR/varied.pcap" 2>/dev/null | sed -n 's/.* IP \(10[.]9[.][0-9.]*\) >.*/\1/p' | sort -u | wc -l)"
    expect_more "all wrapped by lb1" "$before" "$(service_packets lb1 web)"
}

filters() {
    local before
    before=$(count client_denied)
    ip -n client address add 203.0.113.3/24 dev eth0
    expect "a denied client is not served" not on client curl -s --max-time 1 http://192.0.2.13/
    expect_more "its packets are counted as client_denied" "$before" "$(count client_denied)"
    for _ in {1..8}; do
        on client curl -sS --max-time 5 --interface 203.0.113.3 http://192.0.2.13/
    done >"$LAB_DIR/answers"
    expect_equal "another one is, and always by the same backend" 8 "$(sort "$LAB_DIR/answers" | uniq -c | awk '{ print $1 }')"
}

not() {
    ! "$@"
}

jumbo() {
    local port
    for port in to-client br-fabric to-lb1 to-be1 to-be2 to-be3; do
        ip -n router link set "$port" mtu 9100
    done
    for port in lb1 be1 be2 be3; do
        ip -n "$port" link set eth0 mtu 9100
    done
    ip -n client link set eth0 mtu 9000
    ip -n router link set to-client mtu 9000
    on client ethtool -K eth0 tso off gso off tx off >/dev/null
    on router ethtool -K to-client gro off >/dev/null
    await "the MTU of the backends to be known" mtu_known 9100
    on client ip route flush cache
    watch jumbo to-lb1 'greater 8000'
    expect_equal "jumbo: an upload is whole" intact "$(upload 192.0.2.10 2000000)"
    expect_equal "jumbo, IPv6: an upload is whole" intact "$(upload 2001:db8:1::10 2000000)"
    expect_equal "jumbo: a datagram of 8100 bytes comes back" 1 "$(udp_requests 192.0.2.10 1 --size 8100 | wc -l)"
    stop_watch jumbo
    expect_more "frames of more than 8000 bytes were wrapped" 100 "$(seen jumbo "ether src $(lab_mac lb1)")"
}

mtu_known() {
    [[ $(bpftool -j map dump pinned "$(pins_of lb1)/backends" | jq "[.. | .mtu? | select(. == $1)] | length") -ge 3 ]]
}

lab_up
write_config >"$LAB_DIR/lb.yaml"
for backend in $(lab_backends); do
    start_backend "$backend" --from 10.9.0.0/16
    start_app "$backend"
done
for backend in $(lab_backends); do
    await "$backend to unwrap" unwraps "$backend"
    await "$backend to serve" serves "$backend"
done
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1

echoes
fragments
narrow_way_to_clients
narrow_way_to_backends
tunnels
varied_sources
filters
jumbo
