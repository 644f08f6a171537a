#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The agent probes its backends, and what it judges moves their slots: a failure and its end, panic, flapping, an agent
# that is killed meanwhile, on_down: keep. The probed application and what holds connections are two processes.
#
#     client --- router --- lb1 === tunnels ===> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_TIMEOUT=40
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/connections.sh"
. "$LAB_ROOT/tests/system/lb1.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# write_config [LINE]
write_config() {
    cat >"$LAB_DIR/lb.yaml.new" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	http: 127.0.0.1:9660
	services:
	  - name: web
	    listen: ["192.0.2.10:9100/tcp", "[2001:db8:1::10]:9100/tcp", "192.0.2.10:80/tcp"]
	    idle_timeout: 3s
	    reset_after: 12s
	    health: {check: http, port: 80, interval: 500ms, timeout: 450ms, rise: 2, fall: 2, max_move: 100%,
	             damping: {flaps: 2, within: 5m, hold: 5s}}
	    ${1-}
	    backends:
	      - {name: be1, address: 10.0.0.101}
	      - {name: be2, address: 10.0.0.102}
	      - {name: be3, address: 10.0.0.103}
	END
    mv "$LAB_DIR/lb.yaml.new" "$LAB_DIR/lb.yaml"
}

metric() {
    on lb1 curl -s http://127.0.0.1:9660/metrics | grep -F "$1"
}

filters() {
    on lb1 tc filter show dev eth0 egress | grep -c 'probe_encap' || true
}

killed_and_started_again() {
    stop lb1-agent KILL || true
    start_agent lb1 "$LAB_DIR/lb.yaml"
    await "lb1 to be ready again" agent_ready lb1
}

lab_up
start_backends be1 be2 be3
write_config
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
expect_soon "every backend is judged, and up" service '.health | .warmed_up and .up == 3 and (.panic | not)'
expect "so the table is the base table" base_table
start_servers
start_connections 60 --idle-every 500 --request-every 300
await_established
expect_more "be1 has some of the connections" 5 "$(served_by be1)"

# --- a failure -------------------------------------------------------------------------------------------------------

phase "be1 fails"
suspend be1
expect_soon "be1 is down" is down be1
expect_equal "its slots are others' in the kernel" 0 "$(slots_in_kernel be1)"
expect_soon "the status says why" backend be1 '.health | .diagnosis == "application_down" and (.reason | length > 0)'
expect "and the operator reads it" eval 'grep -q "down since .*: application down: no answer within 450ms" < <(guideway backends)'
expect "and the metrics have it" metric 'guideway_backend_diagnosis{service="web",backend="10.0.0.101",diagnosis="application_down"} 1'
expect "and the log, with what came of it" \
    grep -qE 'web: 10.0.0.101 is down: .*; the last good probe was [0-9.]+ s ago; others get its new connections' \
    "$(log_of lb1-agent)"
http_requests 192.0.2.10 30 31000 >"$LAB_DIR/who"
expect "no new flow comes to it" eval '! grep -qx be1 "$LAB_DIR/who"'
none_broke "a backend that has just ceased to serve"
expect_soon "be1 goes on failing, and is given up" backend be1 '.alive | not'
expect "which the log says" grep -q 'web: 10.0.0.101 goes on failing' "$(log_of lb1-agent)"
expect_equal "and the metrics" "guideway_backend_alive{service=\"web\",backend=\"10.0.0.101\"} 0" \
    "$(metric 'guideway_backend_alive{service="web",backend="10.0.0.101"}')"
checkpoint
expect_only_of be1
reopen

phase "be1 recovers, slowly"
write_config "slow_start: 3s"
expect "slow_start is configured meanwhile" guideway reload
expect "which does not bring be1 up" is down be1
resume be1
expect_soon "be1 comes up slowly" is slow_start be1
expect_soon "until it has its whole share" is up be1
expect_soon "which is the base table's" base_table
none_broke "a recovery"

# --- by hand ---------------------------------------------------------------------------------------------------------

phase "by hand"
expect "be2 is drained, healthy as it is" guideway drain be2
expect_equal "it says so" "drain true up" "$(backend be2 '"\(.state) \(.by_hand) \(.health.state)"')"
guideway undrain be2
expect_soon "and comes back" is up be2
none_broke "a drain"
write_config
guideway reload

# --- panic -----------------------------------------------------------------------------------------------------------

suspend be2 be3
expect_soon "two of three fail: panic" service .health.panic
expect_soon "all three serve at once" is up be1 be2 be3
expect "with the base table" base_table
expect "though two are down" service '.health.up == 1'
expect "the metrics have it" metric 'guideway_service_panic{service="web"} 1'
expect "and the log" \
    grep -q 'is down: .*; it serves all the same, since there is panic' "$(log_of lb1-agent)"
expect "and the operator reads it" eval 'grep -q "1 of 3 up, PANIC" < <(guideway services)'
expect "be2 is disabled by hand: who is taken out does not count" guideway disable be2
expect_soon "half of the rest is up, which is no panic" eval 'service ".health.panic | not" && is down be2 be3'
killed_and_started_again
expect_soon "nor is it one for an agent that is started then" eval 'service ".health | .warmed_up and (.panic | not)" && is down be2 be3'
expect "be2 counts again" guideway enable be2
expect_soon "and the panic is back" service .health.panic
resume be2 be3
expect_soon "they recover: panic is over" service '.health | (.panic | not) and .up == 3'

# --- an agent that is killed -----------------------------------------------------------------------------------------

suspend be3
expect_soon "be3 is down" is down be3
killed_and_started_again
expect_equal "an agent that is killed and started again has it down from the start" 0 "$(slots_in_kernel be3)"
expect_equal "its probes' filter is there once" 1 "$(filters)"
expect_soon "and judges it" backend be3 '.health | .judged and .state == "down"'
expect "be3 never served meanwhile" eval '! grep -q "10.0.0.103 is up" "$(log_of lb1-agent)"'
resume be3
expect_soon "be3 recovers" is up be3

# --- flapping --------------------------------------------------------------------------------------------------------

for time in first second; do
    suspend be1
    expect_soon "be1 is down for the $time time" is down be1
    resume be1
    expect_soon "be1 is up again" is up be1
done
suspend be1
expect_soon "the third time within five minutes it is held down" backend be1 '.health.held_until != null'
resume be1
expect_soon "its probes are good" backend be1 '.health.reason == null'
expect_equal "it is down all the same" down "$(backend be1 .state)"
expect "and the log says why" grep -q 'it was flapping, and is held down for' "$(log_of lb1-agent)"
expect_soon "until the time is over" is up be1

# --- on_down: keep ---------------------------------------------------------------------------------------------------

write_config "on_down: keep"
guideway reload
expect_soon "all is as configured" base_table
reopen
phase "be2 fails, on_down: keep"
suspend be2
expect_soon "with on_down: keep be2 is down" is down be2
expect_equal "without slots" 0 "$(slots_in_kernel be2)"
none_broke "a failure with on_down: keep"
resume be2
expect_soon "be2 recovers" is up be2
none_broke "its recovery"

end_connections
stop lb1-agent || fail "the agent ended with status $?"
expect_equal "a probing agent that ends takes its filter away" 0 "$(filters)"
