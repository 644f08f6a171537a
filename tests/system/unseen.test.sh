#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What cannot be seen is no verdict, and who has connections is not dead: no connection breaks, under a few hundred that
# are idle in part, silent for longer than anything is away. ./scripts/soak unseen does the same to thousands.
#
#                                  +-- be1 to be10
#     client --- router --- lb1, lb2
set -euo pipefail
LAB_BALANCERS=2
LAB_BACKENDS=10
LAB_VIPS="192.0.2.10 2001:db8:1::10 192.0.2.11 192.0.2.12 192.0.2.13 2001:db8:1::13"
LAB_TIMEOUT=60
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/connections.sh"
. "$LAB_ROOT/tests/system/fleet.sh"
. "$LAB_ROOT/tests/system/changes.sh"
. "$LAB_ROOT/tests/system/unseen.sh"
cd "$LAB_ROOT"
lab_enter "$@"

fleet_that_probes
fleet_up
await "all are up" all_are_up
hold_anew "${SOAK_CONNECTIONS:-300}" --idle-every 5000 --request-every 1000 --churn 5 --timeout 60000
rows_of_the_unseen
print_table
