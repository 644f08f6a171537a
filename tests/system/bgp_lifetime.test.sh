#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# A short lifetime of 50 VIPs on two balancers: see lifetime.sh. ./scripts/soak bgp is the long form.
. "$(dirname "${BASH_SOURCE[0]}")/lifetime.sh"
lab_enter "$@"
live 50 12 "${SOAK_SEED:-$RANDOM}"
