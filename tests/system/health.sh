# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs the prober, and asks its log what it judged. Sourced after guideway.sh.

PROBER=$(dirname "$GUIDEWAY")/tests/system/prober

start_prober() {
    start prober lb1 "$PROBER" -c "$1"
}

# latest SERVICE: what was last said of its backend: "up", or "down: why".
latest() {
    sed -n "s/.* $1: [^ ]* is \(up\|down\)/\1/p" "$(log_of prober)" | tail -n 1
}

# all_are PATTERN SERVICE...: the latest judgement of each begins so.
all_are() {
    local pattern=$1 service
    shift
    for service; do
        [[ $(latest "$service") == "$pattern"* ]] || return 1
    done
}

# show_judgements SERVICE...
show_judgements() {
    local service
    for service; do
        echo "    $service: $(latest "$service")"
    done
}

# counts FILTER: of the prober's counts, as they are now.
counts() {
    local before
    before=$(grep -c counts: "$(log_of prober)" || true)
    kill -USR1 "$(pid_of prober)"
    await "the prober's counts" more_counts_than "$before"
    sed -n 's/.*counts: //p' "$(log_of prober)" | tail -n 1 | jq -er "$1"
}

more_counts_than() {
    (($(grep -c counts: "$(log_of prober)") > $1))
}
