#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# A thousand backends fail at once, first by refusing, then in silence, while the agent may have 1,024 descriptors: its
# loop goes on, panic keeps the service open, and another service's backends are judged as before. On the way to panic
# (below 1 %) nearly all of the table moves, which takes long to compute.
#
#     client --- router --- lb1 === tunnels ===> be1, which is 10.1.0.1 to 10.1.3.250, of the service 'fleet'
#                                           ===> be2, be3, of the service 'web'
set -euo pipefail
LAB_BALANCERS=1
LAB_TIMEOUT=40
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/connections.sh"
cd "$LAB_ROOT"
lab_enter "$@"

write_config() {
    local net
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	http: 127.0.0.1:9660
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp"]
	    health: {check: http, interval: 1s, timeout: 900ms}
	    backends: [10.0.0.102, 10.0.0.103]
	  - name: fleet
	    listen: ["192.0.2.10:9100/tcp"]
	    health: {check: tcp, damping: {flaps: 100}, max_move: 100%}
	    panic_threshold: 1%
	    backends:
	END
    for net in 0 1 2 3; do
        seq -f "      - 10.1.$net.%.0f" 250
    done
}

# service NAME FILTER: of its part of the status.
service() {
    status lb1 ".services[] | select(.name == \"$1\") | $2"
}

# count_up COUNT: so many of the fleet are up.
count_up() {
    loop_answers
    service fleet ".health.up == $1"
}

# The loop's answer to what costs it nothing; how long it took is remembered.
loop_answers() {
    local took descriptors
    took=$(on lb1 curl -sS --max-time 5 -o /dev/null -w '%{time_total}' http://127.0.0.1:9660/healthz) ||
        fail "the loop is blocked"
    took=$((10#${took/./} / 1000))
    ((took <= slowest)) || slowest=$took
    descriptors=("/proc/$(pid_of lb1-agent)/fd"/*)
    ((${#descriptors[@]} <= most_descriptors)) || most_descriptors=${#descriptors[@]}
}

new_client_is_served() {
    on client timeout 5 bash -c 'exec 3<>/dev/tcp/192.0.2.10/9100'
}

expect_others_unmoved() {
    expect "web is judged as before" service web '.health.up == 2 and .digest == .base_digest'
    expect "its backends were never down" eval '! grep -q "web: 10.0.0.10. is down" "$(log_of lb1-agent)"'
}

slowest=0
most_descriptors=0
lab_up
start_backends be2 be3
start_backend be1
await "be1 to unwrap" unwraps be1
start_servers be1
ip -n be1 route add local 10.1.0.0/16 dev lo
ip -n lb1 route add 10.1.0.0/16 via 10.0.0.101
write_config >"$LAB_DIR/lb.yaml"
start lb1-agent lb1 prlimit --nofile=1024 "$GUIDEWAY" agent -c "$LAB_DIR/lb.yaml" --pins "$(pins_of lb1)" \
    --runtime-dir "$(runtime_dir_of lb1)"
await "lb1 to be ready" agent_ready lb1
expect_soon "all of a thousand backends are up" count_up 1000
expect "which is no panic" service fleet '.health.panic | not'

kill_server be1
expect_soon "all refuse, and are down" count_up 0
expect "panic keeps the service open, with the base table" service fleet '.health.panic and .digest == .base_digest'
expect_soon "each is known to be an application that is down" service fleet \
    '[.backends[].health.diagnosis] | all(. == "application_down")'
expect_others_unmoved
start_servers be1
expect "they serve again: a client is served at once, before anyone is judged to be up" new_client_is_served
expect_soon "all are up" count_up 1000
expect "panic is over" service fleet '.health.panic | not'

ip -n be1 link set eth0 down
expect_soon "all are silent, and down" count_up 0
expect "panic keeps the service open" service fleet '.health.panic and .digest == .base_digest'
expect_soon "each is known to be unreachable" service fleet \
    '[.backends[].health.diagnosis] | all(. == "host_unreachable")'
expect_others_unmoved
ip -n be1 link set eth0 up
ip -n be1 route replace default via 10.0.0.1
expect_soon "they are there again, and up" count_up 1000
expect_others_unmoved

echo "the loop answered within $slowest ms; $most_descriptors descriptors at most"
expect "as many probes were under way as descriptors allow, not more" test "$most_descriptors" -lt 700
expect "none was short of a descriptor" eval '! grep -q "no descriptor is free" "$(log_of lb1-agent)"'
stop lb1-agent || fail "the agent ended with status $?"
