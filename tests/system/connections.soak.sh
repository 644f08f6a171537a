#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The table of what may happen to a fleet and which connections break, under 5,000 connections that begin anew for each
# row; then all of it in random order for five minutes. SOAK_CONNECTIONS, SOAK_SECONDS, SOAK_SEED and SOAK_HOPS say
# otherwise; with SOAK_ROWS=no there are no rows before.
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
. "$LAB_ROOT/tests/system/random_changes.sh"
cd "$LAB_ROOT"
lab_enter "$@"

connections=("${SOAK_CONNECTIONS:-5000}" --idle-every 1000 --request-every 1000 --churn 20 --timeout 10000)
# shellcheck disable=SC2034 # fleet.sh
idle_timeout=5s

# shellcheck disable=SC2034 # fleet.sh
max_hops=${SOAK_HOPS:-8}
rows() {
    fresh_connections=("${connections[@]}")
    rows_of_balancers
    rows_of_backends
    rows_of_both
    rows_under_flood "SYN flood" 10
    restart_with_max_flows 1000
    rows_under_flood "max_flows: 1000" ""
    rows_under_flood "SYN flood and max_flows: 1000" 10
    restart_with_max_flows 262144
}

fleet_up
[[ ${SOAK_ROWS-} == no ]] || rows
hold_anew "${connections[@]}"
fresh_connections=()
change_at_random "${SOAK_SECONDS:-300}" "${SOAK_SEED:-$RANDOM}"
print_table
