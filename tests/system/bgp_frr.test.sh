#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# VIPs announced to FRR: see bgp.sh.
. "$(dirname "${BASH_SOURCE[0]}")/bgp.sh"
lab_enter "$@"
test_router frr
