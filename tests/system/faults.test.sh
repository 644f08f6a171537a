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

few_descriptors() {
    local descriptors=("/proc/$(pid_of prober)/fd"/*)
    ((${#descriptors[@]} <= 80))
}

probed_more_than() {
    (($(counts .probes) > $1))
}

# config_of_unusual NAME PORT
config_of_unusual() {
    echo "  - {name: $1, listen: ['192.0.2.10:$2/tcp'], backends: [10.0.0.101]," \
        "health: {check: http, expect_body: ok, timeout: $probe_timeout, interval: 500ms}}"
}

lab_up
start_backend be1
start_faulty be1
await "be1 to unwrap" unwraps be1
cat >"$LAB_DIR/lb.yaml" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	$(config_of_behaviours "interval: 500ms, damping: {flaps: 100}" 10.0.0.101)
	$(config_of_unusual interim 8013)
	$(config_of_unusual without-reason 8014)
END
start_prober "$LAB_DIR/lb.yaml"
set_whys
for behaviour in "${!whys[@]}"; do
    expect_soon "$behaviour: ${whys[$behaviour]}" all_are "down: ${whys[$behaviour]}" "$behaviour"
done
expect_soon "the server that behaves well is up" all_are up well
expect_soon "so is one with interim answers (1xx) before the answer" all_are up interim
expect_soon "and one without a reason phrase" all_are up without-reason

before=$(counts .probes)
await "200 more probes" probed_more_than $((before + 200))
expect "no descriptor leaks" few_descriptors
expect "the server that behaves well was never down" test "$(grep -c ' well: 10.0.0.101 is down' "$(log_of prober)")" = 0

on lb1 prlimit --pid "$(pid_of prober)" --nofile=5:
expect_soon "descriptors that run out are said" grep -q "no descriptor is free" "$(log_of prober)"
on lb1 prlimit --pid "$(pid_of prober)" --nofile=20:
before=$(counts .probes)
await "200 more probes" probed_more_than $((before + 200))
expect "that is no fault of the backend" test "$(grep -c ' well: 10.0.0.101 is down' "$(log_of prober)")" = 0
stop prober || fail "the prober ended with status $?"
