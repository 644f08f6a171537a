#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Balancers agree on their tables whatever the order of their files.
#
#     lb1: be1 be2 be3      lb2: be3 be2 be1
set -euo pipefail
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

table_digests() {
    "$GUIDEWAY" table -c "$1" --json | jq -r '[.services[] | "\(.name) \(.base_digest) \(.digest)"] | sort | join("\n")'
}

answers() {
    udp_requests 192.0.2.10 100 | paste -sd ' '
}

lab_up
cp configs/demo.yaml "$LAB_DIR/lb1.yaml"
reverse_backends configs/demo.yaml >"$LAB_DIR/lb2.yaml"
! cmp -s "$LAB_DIR/lb1.yaml" "$LAB_DIR/lb2.yaml" || fail "the files are the same"

start_backends be1 be2 be3
for balancer in lb1 lb2; do
    start_agent "$balancer" "$LAB_DIR/$balancer.yaml"
done
for balancer in lb1 lb2; do
    await "$balancer to be ready" agent_ready "$balancer"
done

expect_equal "two services have digests" 2 "$(digests lb1 | grep -cE '^[a-z]+ [0-9a-f]{32} [0-9a-f]{32}$')"
expect_equal "the balancers' digests are equal" "$(digests lb1)" "$(digests lb2)"
expect_equal "and those of 'guideway table', which needs no kernel" "$(digests lb1)" "$(table_digests "$LAB_DIR/lb2.yaml")"

lab_route_via lb1
through_lb1=$(answers)
lab_route_via lb2
expect_equal "100 flows go to the same backends through either" "$through_lb1" "$(answers)"
