#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# A lifetime of 500 VIPs on two balancers: see lifetime.sh. SOAK_VIPS, SOAK_EVENTS and SOAK_SEED say otherwise.
. "$(dirname "${BASH_SOURCE[0]}")/lifetime.sh"
lab_enter "$@"
ANNOUNCED_WITHIN=2    # seconds
ON_THE_WIRE_WITHIN=50 # milliseconds
live "${SOAK_VIPS:-500}" "${SOAK_EVENTS:-200}" "${SOAK_SEED:-$RANDOM}"
