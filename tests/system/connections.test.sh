#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# No connection breaks when something changes: every kind of change, under 1,000 connections (a third idle, a third bulk,
# a third request/response, and short ones), beside as many again in part that are tracked always and never. Without
# tracking, connections must be seen to break. ./scripts/soak connections is the long form.
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

connections=(1000 --idle-every 1000 --churn 10 --timeout 10000)

fleet_up
hold_anew "${connections[@]}"
rows_of_balancers
rows_of_backends
rows_under_flood "SYN flood" 7
restart_with_max_flows 1000
hold_anew "${connections[@]}"
rows_under_flood "SYN flood and max_flows: 1000" 7
print_table
