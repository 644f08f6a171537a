# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What tests with one balancer, lb1, say to it and ask of it; its first service is what they are about. Sourced after
# guideway.sh.

guideway() {
    on lb1 "$GUIDEWAY" "$@" --runtime-dir "$(runtime_dir_of lb1)"
}

# service FILTER: of the service's part of the status.
service() {
    status lb1 ".services[0] | $1"
}

# backend be1 FILTER: of its part of the status.
backend() {
    service "(.backends + .leaving)[] | select(.address == \"$(lab_ipv4 "$1")\") | $2"
}

slots_in_kernel() {
    in_kernel lb1 ".services[0].backends[] | select(.address == \"$(lab_ipv4 "$1")\").slots | tostring"
}

# is STATE be1...: the backends' states, as they serve.
is() {
    local state=$1 backend
    shift
    for backend; do
        [[ $(backend "$backend" .state) == "$state" ]] || return 1
    done
}

base_table() {
    service '.digest == .base_digest'
}

# suspend be1...: the process that answers probes.
suspend() {
    local backend
    for backend; do
        kill -STOP "$(pid_of "$backend-app")"
    done
}

resume() {
    local backend
    for backend; do
        kill -CONT "$(pid_of "$backend-app")"
    done
}

# none_broke "after what": of the connections that connections.sh holds.
none_broke() {
    checkpoint
    expect_none_broken "$1"
}
