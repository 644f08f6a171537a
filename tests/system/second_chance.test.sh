#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# With tracking: second_chance no connection breaks when backends and balancers change together, while routers spread
# flows anew; nothing is recorded. The other kinds of tracking are held beside it, and lose some.
#
#                                  +-- be1 to be10
#     client --- router --- lb1, lb2
set -euo pipefail
LAB_BALANCERS=2
LAB_BACKENDS=10
LAB_VIPS="192.0.2.10 2001:db8:1::10 192.0.2.11 192.0.2.12 192.0.2.13 2001:db8:1::13"
LAB_TIMEOUT=30
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/connections.sh"
. "$LAB_ROOT/tests/system/fleet.sh"
. "$LAB_ROOT/tests/system/changes.sh"
cd "$LAB_ROOT"
lab_enter "$@"

records_of_second_chance() {
    everywhere '[.services[] | select(.name == "second_chance") | .flow_lookups] | add == 0'
}

# counted VERDICT: by all backends.
counted() {
    local backend
    for backend in $(lab_backends); do
        on "$backend" "$GUIDEWAY" status --runtime-dir "$(runtime_dir_of "$backend")" --pins "$(pins_of "$backend")" \
            --json | jq ".verdicts.$1.packets"
    done | awk '{ sum += $1 } END { print sum }'
}

some_are_handed_on() {
    (($(counted handed_on) > 0 && $(counted own) > 0 && $(counted bad_chance) == 0))
}

# be1's server of 192.0.2.13 is in a container: be1 translates its address, and has no socket for it.
be1_serves_from_a_container() {
    ip netns add be1-pod
    ip -n be1 -batch - <<-END
		link add pod0 type veth peer name eth0 netns be1-pod
		address add 172.31.0.1/30 dev pod0
		link set pod0 up
	END
    ip -n be1-pod -batch - <<-END
		address add 172.31.0.2/30 dev eth0
		link set eth0 up
		route add default via 172.31.0.1
	END
    on be1 sysctl -q net.ipv4.ip_forward=1
    on be1 nft -f - <<-END
		table ip container {
		    chain prerouting {
		        type nat hook prerouting priority dstnat;
		        ip daddr 192.0.2.13 tcp dport $CONNECTIONS_PORT dnat to 172.31.0.2
		    }
		}
	END
    start be1-pod-server be1-pod "$CONNECTIONS" serve be1 "$CONNECTIONS_PORT" 172.31.0.2
    await "the server in the container" grep -q serves "$(log_of be1-pod-server)"
}

# Connections begin in slots that moved to be1, so that their packets name others.
slots_move_to_the_container() {
    weights[be1]=400
    reload
    of second_chance end_connections
    start_client second_chance
    of second_chance await_established
    of second_chance phase "slots moved to a container"
    of second_chance checkpoint
    of second_chance expect_none_broken "connections that begin behind DNAT in moving slots"
}

fleet_up
be1_serves_from_a_container
hold_connections 400 --idle-every 400 --churn 10 --timeout 10000
rows_of_both
slots_move_to_the_container
expect "with second chance no record is looked up" records_of_second_chance
expect "backends keep packets that are theirs, and hand others on" some_are_handed_on
print_table
