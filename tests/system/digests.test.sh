#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Balancers agree on their tables whatever the order of their files, and whatever happened to them before.
#
#     lb1: be1 be2 be3      lb2: be3 be2 be1, after other configurations, reloads and a crash
set -euo pipefail
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

table_digests() {
    "$GUIDEWAY" table -c "$1" --json | jq -r '[.services[] | "\(.name) \(.base_digest) \(.digest)"] | sort | join("\n")'
}

fingerprint() {
    status "$1" .agent.fingerprint
}

# Other backends and weights, a service that comes and goes, and an agent that is killed in between.
give_lb2_a_history() {
    sed '/be2/d; s/address: 10.0.0.103/&, weight: 7/' configs/demo.yaml >"$LAB_DIR/lb2.yaml"
    start_agent lb2 "$LAB_DIR/lb2.yaml"
    await "lb2 to be ready" agent_ready lb2
    expect "lb2 begins with other tables" test "$(digests lb1)" != "$(digests lb2)"
    {
        cat configs/demo.yaml
        printf '  - {name: passing, listen: ["192.0.2.10:9/udp"], backends: [10.0.0.101, 10.0.0.102]}\n'
    } >"$LAB_DIR/lb2.yaml"
    expect "lb2 goes over to a third service" on lb2 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb2)"
    stop lb2-agent KILL || true
    reverse_backends configs/demo.yaml >"$LAB_DIR/lb2.yaml"
    start_agent lb2 "$LAB_DIR/lb2.yaml"
}

answers() {
    udp_requests 192.0.2.10 100 | paste -sd ' '
}

lab_up
cp configs/demo.yaml "$LAB_DIR/lb1.yaml"
reverse_backends configs/demo.yaml >"$LAB_DIR/lb2.yaml"
! cmp -s "$LAB_DIR/lb1.yaml" "$LAB_DIR/lb2.yaml" || fail "the files are the same"

start_backends be1 be2 be3
start_agent lb1 "$LAB_DIR/lb1.yaml"
await "lb1 to be ready" agent_ready lb1
give_lb2_a_history
await "lb2 to be ready" agent_ready lb2

expect_equal "two services have digests" 2 "$(digests lb1 | grep -cE '^[a-z]+ [0-9a-f]{32} [0-9a-f]{32}$')"
expect_equal "the balancers' digests are equal" "$(digests lb1)" "$(digests lb2)"
expect_equal "the balancers' fingerprints are equal" "$(fingerprint lb1)" "$(fingerprint lb2)"
expect_equal "and those of 'guideway table', which needs no kernel" "$(digests lb1)" "$(table_digests "$LAB_DIR/lb2.yaml")"

lab_route_via lb1
through_lb1=$(answers)
lab_route_via lb2
expect_equal "100 flows go to the same backends through either" "$through_lb1" "$(answers)"
