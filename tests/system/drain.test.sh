#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What is said of a backend by hand, and what is taken out of the file: flows stay until they end.
#
#     client --- router --- lb1 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/connections.sh"
. "$LAB_ROOT/tests/system/lb1.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# write_config BACKENDS
write_config() {
    cat >"$LAB_DIR/lb.yaml.new" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: web
	    listen: ["192.0.2.10:9100/tcp", "[2001:db8:1::10]:9100/tcp", "192.0.2.10:80/tcp"]
	    idle_timeout: 3s
	    ${2-}
	    backends: [$1]
	END
    mv "$LAB_DIR/lb.yaml.new" "$LAB_DIR/lb.yaml"
}

settled() {
    status lb1 '.services[0].slots_by_state | .learning + .tracking == 0'
}

none_learns() {
    status lb1 '.services[0].slots_by_state.learning == 0'
}

all='{name: be1, address: 10.0.0.101}, {name: be2, address: 10.0.0.102}, {name: be3, address: 10.0.0.103}'

lab_up
start_backends be1 be2 be3
write_config "$all"
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
start_servers
start_connections 60 --idle-every 500 --request-every 300
await_established
before=$(served_by be1)
expect_more "be1 has some of the connections" 5 "$before"
expect_equal "nothing looked for a flow record" 0 "$(in_kernel lb1 '.services[0].flow_lookups * 1')"

# --- drain -----------------------------------------------------------------------------------------------------------

expect "be1 is drained" guideway drain be1
expect_equal "it says so" "drain true" "$(backend be1 '"\(.state) \(.by_hand)"')"
http_requests 192.0.2.10 30 31000 >"$LAB_DIR/who"
expect "no new flow comes to it" eval '! grep -qx be1 "$LAB_DIR/who"'
expect_equal "flows that do not end are not waited for longer than that" 1 \
    "$(guideway drain be1 --wait --timeout 1s >/dev/null 2>"$LAB_DIR/late"; echo $?)"
expect "which it says" grep -q 'have not ended within 1s; it stays drained' "$LAB_DIR/late"
expect_soon "the slots have learnt" none_learns
expect_equal "its connections have records" "$before" "$(backend be1 .flows)"
expect_equal "which flows lists" "$before" "$(guideway flows --backend 10.0.0.101 --json | jq '.flows | length')"
expect_equal "and nobody else's" 0 "$(guideway flows --backend be2 --json | jq '.flows | length')"
none_broke "a drain"

stop lb1-agent KILL || true
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready again" agent_ready lb1
expect_equal "an agent that is killed and started again keeps it drained" "drain true" \
    "$(backend be1 '"\(.state) \(.by_hand)"')"
none_broke "an agent killed and started again"

# --- undrain ---------------------------------------------------------------------------------------------------------

expect "be1 is no longer drained, said by its address" guideway undrain 10.0.0.101
expect_equal "its share is what it was" "up false 21846" "$(backend be1 '"\(.state) \(.by_hand) \(.slots)"')"
expect_equal "the table is the base table" true "$(status lb1 '.services[0] | .digest == .base_digest')"

# --- removed ---------------------------------------------------------------------------------------------------------

write_config '{name: be2, address: 10.0.0.102}, {name: be3, address: 10.0.0.103}'
expect "the file no longer has be1" guideway reload
expect_equal "it is leaving" leaving "$(backend be1 .state)"
expect_soon "the slots have learnt" none_learns
expect_equal "it has its connections" "$before" "$(backend be1 .flows)"
none_broke "a removal"
write_config "$all"
expect "and has it again" guideway reload
expect_equal "it is up" up "$(backend be1 .state)"
none_broke "a removal taken back"

# --- waiting ---------------------------------------------------------------------------------------------------------

start drain lb1 "$GUIDEWAY" drain be1 --wait --runtime-dir "$(runtime_dir_of lb1)"
expect_soon "drain --wait shows what is left" grep -q "be1: $before flows left, 0 slots" "$(log_of drain)"
none_broke "all of that"
end_connections
finish drain || fail "drain --wait ends with status $?"
expect_equal "and ends when nothing is" "be1: 0 flows left, 0 slots in which more may be found" \
    "$(tail -n 1 "$(log_of drain)")"
expect_soon "everything is settled" settled
expect_equal "no record is left" 0 "$(guideway flows --json | jq '.flows | length')"

# --- disable, wrong words --------------------------------------------------------------------------------------------

guideway undrain be1
expect "be1 is disabled" guideway disable be1
expect_equal "it is down, and nothing is learnt of it" "down 0" "$(backend be1 '"\(.state) \(.learning_slots)"')"
write_config "$all" "on_down: keep"
guideway enable be1
guideway reload
expect_soon "be1 is enabled again, and its slots are settled" settled
guideway disable be1
expect_equal "with on_down: keep its flows are waited for" "down 21846" \
    "$(backend be1 '"\(.state) \(.learning_slots)"')"
guideway enable be1

! guideway drain be7 2>"$LAB_DIR/words" || fail "a backend that nobody knows is drained"
expect_equal "an unknown backend" \
    "guideway: drain: no service has a backend 'be7'; \`guideway backends\` lists them" "$(<"$LAB_DIR/words")"
! guideway drain be1 --service mail 2>"$LAB_DIR/words" || fail "a service that nobody knows is drained"
expect_equal "an unknown service" \
    "guideway: drain: service 'mail' has no backend 'be1'; \`guideway backends\` lists them" "$(<"$LAB_DIR/words")"

# --- a service that is divided ---------------------------------------------------------------------------------------

# by_hand SERVICE: its backends' states, as far as they are said by hand.
by_hand() {
    status lb1 "[.services[] | select(.name == \"$1\").backends[] | select(.by_hand) | \"\(.name) \(.state)\"] | sort | join(\", \")"
}

divide() {
    write_config "$all"
    sed -i 's|, "192.0.2.10:80/tcp"\]|]|' "$LAB_DIR/lb.yaml"
    cat >>"$LAB_DIR/lb.yaml" <<-END
	  - {name: part, listen: ["192.0.2.10:80/tcp"], backends: [$all]}
	  - {name: new, listen: ["192.0.2.10:81/tcp"], backends: [$all]}
	END
}

write_config "$all"
guideway reload
guideway drain be1
guideway disable be2
divide
expect "a service is divided" guideway reload
expect_equal "what was said by hand holds in the part that keeps its name" "be1 drain, be2 down" "$(by_hand web)"
expect_equal "and in the other" "be1 drain, be2 down" "$(by_hand part)"
expect_equal "not in a service that is new" "" "$(by_hand new)"
stop lb1-agent KILL || true
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready again" agent_ready lb1
expect_equal "the next agent knows, too" "be1 drain, be2 down" "$(by_hand part)"
expect "it is taken back in one of them" guideway undrain be1 --service part
expect_equal "where it no longer holds" "be2 down" "$(by_hand part)"
expect_equal "while it does in the other" "be1 drain, be2 down" "$(by_hand web)"
guideway undrain be1
guideway enable be2
write_config "$all"
guideway reload
expect_soon "everything is settled" settled

# --- slow start ------------------------------------------------------------------------------------------------------

write_config "$all" "slow_start: 2s"
guideway disable be1
guideway reload
guideway enable be1
expect_equal "be1 comes up slowly" slow_start "$(backend be1 .state)"
expect_soon "until it has its whole share" eval '[[ $(backend be1 .state) == up ]]'
expect_equal "which is the base table's" true "$(status lb1 '.services[0] | .digest == .base_digest')"

# --- large tables ----------------------------------------------------------------------------------------------------

large_tables() {
    echo "interfaces: [eth0]"
    echo 'hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"'
    echo "datapath: {table_size: 1048573}"
    echo "services:"
    for ((port = 1; port <= 24; ++port)); do
        echo "  - {name: web-$port, listen: ['192.0.2.10:$port/tcp'], backends: [$all]}"
    done
}

# services_with be1: those in which it has slots.
services_with() {
    in_kernel lb1 "[.services[].backends[] | select(.address == \"$(lab_ipv4 "$1")\" and .slots > 0)] | length"
}

stop lb1-agent
on lb1 rm -rf "$(pins_of lb1)"
large_tables >"$LAB_DIR/lb.yaml"
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready with large tables" agent_ready lb1
for order in drain:0 undrain:24 disable:0 enable:24; do
    expect "${order%:*} be1, which moves 8 million slots" guideway "${order%:*}" be1
    expect_equal "when it returns, they are moved" "${order#*:}" "$(services_with be1)"
done
