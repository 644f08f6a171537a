#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The configuration file as editors, deployments and accidents leave it: it is read when it is whole, wherever its path
# leads, and nothing that lies there in its place keeps the agent from its work.
#
#     lb1: etc/ (a directory that is replaced) / lb.yaml (a file that is written slowly)
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

directory=$LAB_DIR/etc
config=$directory/lb.yaml

# services PORT...: a configuration with a service for each.
services() {
    local port
    echo "interfaces: [eth0]"
    echo 'hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"'
    echo "services:"
    for port; do
        echo "  - {name: s$port, listen: [\"192.0.2.10:$port/tcp\"], backends: [10.0.0.101]}"
    done
}

put_config() {
    services "$@" >"$config.new"
    mv "$config.new" "$config"
}

serves_ports() {
    [[ $(status lb1 '[.services[].name] | join(" ")') == "$(printf 's%s\n' "$@" | paste -sd ' ')" ]]
}

reload() {
    on lb1 timeout 20 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)" >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr"
}

reloads() {
    status lb1 '.agent | "\(.reloads) \(.refused_reloads)"'
}

# Time for two looks of the agent's, which take a second each; an answer proves that it lives.
two_looks() {
    local since
    since=$(date +%s)
    await "two looks" eval "(($(printf '$(date +%%s)') >= $since + 3))"
}

run_agent() {
    start_agent lb1 "$config"
    await "lb1 to be ready" agent_ready lb1
}

# --- half-written ----------------------------------------------------------------------------------------------------

# Its first half is a valid configuration with fewer services. Meanwhile other files come and go beside it.
written_slowly() {
    local before
    before=$(reloads)
    exec 3>"$config"
    services 1001 >&3
    echo "  # a line of a comment that some tool writes with a flush after it" >&3
    touch "$directory/other" && rm "$directory/other"
    chmod 0644 "$config"
    two_looks
    expect "a file that is still being written is not read: its services stay" serves_ports 1001 1002 1003
    expect_equal "nor was any reload tried" "$before" "$(reloads)"
    ! reload || fail "guideway reload applies half of a file"
    expect "guideway reload says why it is refused" grep -q 'some process is writing it' "$LAB_DIR/stderr"
    expect "then, too, the services stay" serves_ports 1001 1002 1003
    services 1001 1002 1003 1004 | tail -n 3 >&3
    exec 3>&-
    expect_soon "once it is closed it is read, whole" serves_ports 1001 1002 1003 1004
}

has_begun_or_ended() {
    says_attached lb1-agent || ! running lb1-agent
}

in_kernel_are() {
    [[ $(in_kernel lb1 '[.services[].name] | sort | join(" ")') == "$(printf 's%s\n' "$@" | paste -sd ' ')" ]]
}

# An agent that is started meanwhile. It must not have the file open for writing itself.
started_while_written() {
    stop lb1-agent
    exec 3>"$config"
    services 1001 >&3
    start_agent lb1 "$config" 3>&-
    await "the agent to begin, or to give up" has_begun_or_ended
    ! running lb1-agent || fail "an agent starts with half of a file"
    ! finish lb1-agent || fail "an agent that gives up ends with status 0"
    expect "an agent is not started with half of a file" grep -q 'some process is writing it; start when that has closed it' "$(log_of lb1-agent)"
    expect "what is in the kernel stays" in_kernel_are 1001 1002 1003 1004
    start_agent lb1 "$config" 3>&-
    two_looks
    expect "nor does it begin while it waits" eval '! says_attached lb1-agent'
    services 1001 1002 1003 1004 1005 | tail -n 4 >&3
    exec 3>&-
    await "the agent to begin, or to give up" has_begun_or_ended
    running lb1-agent || start_agent lb1 "$config"
    await "lb1 to be ready" agent_ready lb1
    expect "once it is closed it is read, whole" serves_ports 1001 1002 1003 1004 1005
}

# A writer that is through leaves nothing to be waited for.
written_at_once() {
    services 1001 1002 >"$config"
    expect_soon "a file written in place is read" serves_ports 1001 1002
    put_config 1001 1002 1003
    expect_soon "a file that is renamed into its place is read" serves_ports 1001 1002 1003
    services 1001 1004 >"$directory/linked"
    ln -sf linked "$config"
    expect_soon "a link in its place is followed" serves_ports 1001 1004
    services 1001 1005 >"$directory/linked"
    expect_soon "and so is a change behind it" serves_ports 1001 1005
    rm "$config"
    put_config 1001 1002 1003
    expect_soon "a file that was away for a moment is read" serves_ports 1001 1002 1003
}

# --- directories -----------------------------------------------------------------------------------------------------

directories_replaced() {
    local name
    for name in 1 2; do
        mv "$directory" "$directory.$name"
        mkdir "$directory"
        put_config 1001 "200$name"
        expect_soon "the file of a directory that was replaced is read ($name)" serves_ports 1001 "200$name"
        put_config 1001 "210$name"
        expect_soon "and watched" serves_ports 1001 "210$name"
    done
    rm -r "$directory"
    two_looks
    expect "without a file the running configuration goes on" serves_ports 1001 2102
    expect_soon "status says that the file is gone" status lb1 '.agent.last_reload.errors[0] | test("No such file")'
    mkdir "$directory"
    put_config 1001 1002 1003
    expect_soon "when there is one again, it is read" serves_ports 1001 1002 1003
}

# --- no file ---------------------------------------------------------------------------------------------------------

# refused_as WHAT PATTERN: what lies there now.
refused_as() {
    ! reload || fail "$1 is accepted"
    expect "$1 is refused, and said to be one: $(<"$LAB_DIR/stderr")" grep -qE "$2" "$LAB_DIR/stderr"
    expect "$1: the services stay" serves_ports 1001 1002 1003
    ! timeout 20 "$GUIDEWAY" check -c "$config" 2>"$LAB_DIR/stderr" || fail "check accepts $1"
    expect "check says the same of $1" grep -qE "$2" "$LAB_DIR/stderr"
}

no_files() {
    mkfifo "$directory/fifo"
    mv "$directory/fifo" "$config"
    refused_as "a FIFO" 'it is a FIFO'
    rm "$config"
    mkdir "$config"
    refused_as "a directory" 'it is a directory'
    rmdir "$config"
    ln -sf /dev/zero "$config"
    refused_as "a device" 'it is a device'
    rm "$config"
    truncate -s 65M "$config"
    refused_as "a file that is far too large" 'it is larger than 64 MiB'
    mkfifo "$directory/fifo"
    mv "$directory/fifo" "$config"
    expect "with a FIFO in the file's place the agent ends on SIGTERM" stop lb1-agent
    start_agent lb1 "$config"
    ! finish lb1-agent || fail "an agent starts with a FIFO"
    expect "an agent that starts says what is there" grep -q 'it is a FIFO' "$(log_of lb1-agent)"
}

# A pipe that a shell gives is what somebody wants read.
pipes_for_commands() {
    expect "check reads a pipe that it is given" "$GUIDEWAY" check -c <(services 1001)
    expect "and its standard input" eval 'services 1001 | "$GUIDEWAY" check -c /dev/stdin'
    ! on lb1 "$GUIDEWAY" agent -c /dev/stdin </dev/null 2>"$LAB_DIR/stderr" || fail "an agent reads its standard input"
    expect "an agent, which has to read it again, does not" grep -q "must be a regular file" "$LAB_DIR/stderr"
}

lab_up
start_backends be1
mkdir "$directory"
put_config 1001 1002 1003
run_agent

written_slowly
started_while_written
written_at_once
directories_replaced
no_files
pipes_for_commands
