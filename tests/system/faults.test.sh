#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Servers that behave badly: each is judged for what it does, while the one that behaves well stays up, also when
# descriptors are few.
#
#     lb1 (prober) === tunnel ===> be1 (faulty.py, app.py)
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_TIMEOUT=30
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/health.sh"
cd "$LAB_ROOT"
lab_enter "$@"

declare -A whys=(
    [never-answers]="application down: no answer within 400ms"
    [trickles]="application down: no answer within 400ms"
    [endless]="application down: answered 200 without the expected text"
    [closes-in-header]="application down: closed the connection before the answer's header was complete"
    [resets]="application down: receive the answer: Connection reset by peer"
    [redirects]="application down: answered 302"
    [garbage]="application down: answer: bad version"
    [expired]="application down: certificate: certificate has expired"
    [wrong-name]="application down: certificate: hostname mismatch"
    [fails]="application down: answered 503"
    [refuses]="application down: connect: Connection refused"
)

# service NAME PORT SETTINGS
service() {
    cat <<-END
	  - name: $1
	    listen: ["192.0.2.10:$2/tcp"]
	    health: {$3, interval: 500ms, timeout: 400ms, damping: {flaps: 100}}
	    backends: [10.0.0.101]
	END
}

write_config() {
    local port=8001 behaviour
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	END
    for behaviour in never-answers trickles endless closes-in-header resets redirects garbage; do
        service "$behaviour" $((port++)) "check: http, expect_body: ok"
    done
    for behaviour in expired wrong-name; do
        service "$behaviour" "$port" \
            "check: https, tls_verify: true, host: www.example.com, ca_file: $LAB_DIR/$((port - 8001)).pem"
        ((port++))
    done
    service fails $((port++)) "check: http"
    service well "$port" "check: https, tls_verify: true, sni: www.example.com, ca_file: $LAB_DIR/10.pem, expect_body: ok"
    service refuses 8099 "check: tcp"
}

few_descriptors() {
    local descriptors=("/proc/$(pid_of prober)/fd"/*)
    ((${#descriptors[@]} <= 80))
}

probed_more_than() {
    (($(counts .probes) > $1))
}

lab_up
start be1-faulty be1 "$LAB_ROOT/tests/system/faulty.py" "$LAB_DIR"
start_backend be1
await "be1 to unwrap" unwraps be1
await "be1 to serve badly" grep -q serving "$(log_of be1-faulty)"
write_config >"$LAB_DIR/lb.yaml"
start_prober "$LAB_DIR/lb.yaml"
for behaviour in "${!whys[@]}"; do
    expect_soon "$behaviour: ${whys[$behaviour]}" all_are "down: ${whys[$behaviour]}" "$behaviour"
done
expect_soon "the server that behaves well is up" all_are up well

before=$(counts .probes)
await "200 more probes" probed_more_than $((before + 200))
expect "no descriptor leaks" few_descriptors
expect "the server that behaves well was never down" test "$(grep -c ' well: 10.0.0.101 is down' "$(log_of prober)")" = 0

on lb1 prlimit --pid "$(pid_of prober)" --nofile=20:
expect_soon "descriptors that run out are said" grep -q "no descriptor is free" "$(log_of prober)"
before=$(counts .probes)
await "200 more probes" probed_more_than $((before + 200))
expect "that is no fault of the backend" test "$(grep -c ' well: 10.0.0.101 is down' "$(log_of prober)")" = 0
stop prober || fail "the prober ended with status $?"
