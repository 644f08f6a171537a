#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# A lab leaves nothing behind, however it ends.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
cd "$LAB_ROOT"
lab_become_root

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# What a lab could leave: namespaces, mounts, pins, links.
traces() {
    cat /proc/self/mountinfo
    ls -A /run /run/netns /sys/fs/bpf 2>/dev/null || true
    ip -oneline link show
}

# Its processes are all in one pid namespace, which is there as long as they are.
no_processes_left() {
    ! grep -qF "$(tr -dc 0-9 <"$scratch/namespace")" < <(lsns --type pid --noheadings --output NS)
}

lab_is_up() {
    [[ -s $scratch/namespace ]]
}

# shellcheck disable=SC2016 # for the shell inside
inside='. scripts/lab
        start sleeper be1 sleep 1000
        bpftool map create /sys/fs/bpf/pin type array key 4 value 4 entries 1 name pin
        readlink /proc/self/ns/pid >"$0"
        sleep 1000'

# ended_by SIGNAL
ended_by() {
    rm -f "$scratch/namespace"
    traces >"$scratch/before"
    ./scripts/lab bash -c "$inside" "$scratch/namespace" >/dev/null 2>&1 &
    local lab=$!
    await "the lab to be up" lab_is_up
    kill "-$1" "$lab"
    wait "$lab" 2>/dev/null || true
    await "its processes to end after SIG$1" no_processes_left
    traces >"$scratch/after"
    diff "$scratch/before" "$scratch/after" || fail "SIG$1 leaves something behind"
    echo "ok: nothing is left after SIG$1"
}

ended_by TERM
ended_by KILL
ended_by HUP

# SIGINT is ignored by what a script starts in the background: only a terminal's foreground gets it.
exit_status=0
timeout --signal=INT --preserve-status 1 ./scripts/lab sleep 1000 || exit_status=$?
((exit_status == 130)) || fail "SIGINT ends a lab with $exit_status"
echo "ok: SIGINT ends a lab"
