#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The alert rules: they fire for what they are named after; the metrics that they ask for exist, and so do the pages that
# they name.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/../.."

alerts=configs/prometheus/alerts.yaml
command -v promtool >/dev/null || {
    echo "this needs promtool (scripts/setup)"
    exit 1
}
promtool check rules "$alerts"
promtool test rules tests/prometheus/alerts_test.yaml
for metric in $(grep -oE 'guideway_[a-z_]+' "$alerts" | sort -u); do
    grep -rqF "\"$metric\"" userspace/api userspace/backend || {
        echo "$alerts asks for $metric, which nobody serves"
        exit 1
    }
done
for alert in $(sed -n 's/.*- alert: //p' "$alerts"); do
    grep -q "$alert" tests/prometheus/alerts_test.yaml || {
        echo "$alert is not tested"
        exit 1
    }
done
echo "ok: $(grep -c 'alert:' "$alerts") alerts, whose metrics exist"
