#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# VIPs announced to BIRD 2: see bgp.sh.
. "$(dirname "${BASH_SOURCE[0]}")/bgp.sh"
lab_enter "$@"
test_router bird
