#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The next hop of a backend is followed: unknown at first, then found, then with another MAC. Over IPv4 and IPv6.
#
#     client --- router --- lb1 ---> be1, be2, be3 (its link is down at first)
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

new_mac=02:00:0a:00:00:ee

write_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: echo4
	    listen: ["192.0.2.10:7/udp"]
	    backends:
	      - {name: be1, address: 10.0.0.101}
	      - {name: be2, address: 10.0.0.102}
	      - {name: be3, address: 10.0.0.103}
	  - name: echo6
	    listen: ["[2001:db8:1::10]:7/udp"]
	    backends:
	      - {name: be1, address: "2001:db8:f::101"}
	      - {name: be2, address: "2001:db8:f::102"}
	      - {name: be3, address: "2001:db8:f::103"}
	END
}

found() {
    next_hop_is lb1 echo4 "$(lab_ipv4 "$1")" "$2" && next_hop_is lb1 echo6 "$(lab_ipv6 "$1")" "$2"
}

everyone_answers() {
    local vip
    for vip in $LAB_VIPS; do
        expect_echoes "$vip" 60 20000 3
    done
}

lab_up
write_config >"$LAB_DIR/lb.yaml"
ip -n be3 link set eth0 down
start_backends be1 be2
start_agent lb1 "$LAB_DIR/lb.yaml"
await "the next hop of be1" found be1 "$(lab_mac be1)"
await "the next hop of be2" found be2 "$(lab_mac be2)"
expect "be3 is silent: it has no next hop" found be3 none

for vip in $LAB_VIPS; do
    before=$(verdict_packets lb1 no_next_hop)
    answers=$(udp_requests "$vip" 60 --timeout 0.1)
    answered=$(wc -l <<<"$answers")
    expect_equal "$vip: be1 and be2 answer" "be1 be2" "$(sort -u <<<"$answers" | paste -sd ' ')"
    expect_equal "$vip: what was for be3 is counted, not guessed" \
        $((60 - answered)) $(($(verdict_packets lb1 no_next_hop) - before))
done

ip -n be3 link set eth0 up
ip -n be3 route replace default via 10.0.0.1
ip -n be3 route replace default via 2001:db8:f::1
start_backends be3
await "the next hop of be3" found be3 "$(lab_mac be3)"
everyone_answers

on be3 sysctl -q -w net.ipv4.conf.eth0.arp_notify=1 net.ipv6.conf.eth0.ndisc_notify=1
ip -n be3 link set eth0 address "$new_mac"
await "the new MAC of be3" found be3 "$new_mac"
everyone_answers
