#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# What keeps a balancer from seeing its backends, under 5,000 connections. SOAK_CONNECTIONS says otherwise.
set -euo pipefail
export SOAK_CONNECTIONS=${SOAK_CONNECTIONS:-5000}
exec "$(dirname "${BASH_SOURCE[0]}")/unseen.test.sh"
