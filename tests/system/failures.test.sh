#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What cannot work is refused with exit status 1 and one sentence on stderr that says what to do.
#
#     lb1: eth0, and gen0, a bridge: a driver without native XDP
set -euo pipefail
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

no_privileges=(setpriv --bounding-set=-all --inh-caps=-all)

# refused "what" PATTERN COMMAND...
refused() {
    local what=$1 pattern=$2 status=0
    shift 2
    echo "lb1\$ $*"
    timeout 10 nsenter --net=/run/netns/lb1 -- "$@" </dev/null >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr.log" || status=$?
    cat "$LAB_DIR/stderr.log"
    expect_equal "$what: exit status" 1 "$status"
    expect_equal "$what: one line on stderr" 1 "$(wc -l <"$LAB_DIR/stderr.log")"
    expect "$what: it says /$pattern/" grep -qiE -- "$pattern" "$LAB_DIR/stderr.log"
}

# agent CONFIG [PINS [RUNTIME_DIR]]: the words of its command line, in $words.
agent() {
    words=("$GUIDEWAY" agent -c "$1" --pins "${2:-$(pins_of lb1)}" --runtime-dir "${3:-$(runtime_dir_of lb1)}")
}

backend() {
    words=("$GUIDEWAY" backend --interface "$1" --vip 192.0.2.10 --from 10.0.0.11 --pins "${2:-$(pins_of lb1)}"
        --runtime-dir "$(runtime_dir_of lb1)")
}

lab_up
ip -n lb1 link add gen0 type bridge
ip -n lb1 address add 10.9.0.1/24 dev gen0
ip -n lb1 link set gen0 up
umask 077 # their hash key is a secret
eth0=$LAB_DIR/eth0.yaml
cp configs/demo.yaml "$eth0"
sed 's/eth0/eth9/' configs/demo.yaml >"$LAB_DIR/eth9.yaml"
sed 's/eth0/gen0/' configs/demo.yaml >"$LAB_DIR/auto.yaml"
sed 's/eth0/gen0/; $a datapath: {mode: native}' configs/demo.yaml >"$LAB_DIR/native.yaml"

agent "$eth0"
refused "no privileges" 'privilege|permi|capabilit|CAP_|root' "${no_privileges[@]}" "${words[@]}"
backend eth0
refused "backend, no privileges" 'privilege|permi|capabilit|CAP_|root' "${no_privileges[@]}" "${words[@]}"

agent "$LAB_DIR/eth9.yaml"
refused "no such interface" 'eth9' "${words[@]}"
backend eth9
refused "backend, no such interface" 'eth9' "${words[@]}"

agent "$eth0" "$LAB_DIR/not-a-bpffs/pins"
refused "bpffs not mounted" 'bpffs|mount -t bpf|BPF file ?system' "${words[@]}"
backend eth0 "$LAB_DIR/not-a-bpffs/pins"
refused "backend, bpffs not mounted" 'bpffs|mount -t bpf|BPF file ?system' "${words[@]}"

sed '$a http: 198.51.100.99:9660' configs/demo.yaml >"$LAB_DIR/http.yaml"
agent "$LAB_DIR/http.yaml"
refused "an address to listen on that is not there" 'listen on 198.51.100.99:9660: .*assign' "${words[@]}"

agent "$LAB_DIR/native.yaml"
refused "no native XDP, mode native" 'gen0.*native|native.*gen0' "${words[@]}"

start_agent lb1 "$LAB_DIR/auto.yaml" --detach-on-exit
await "generic XDP on gen0" eval 'grep -q xdpgeneric < <(ip -n lb1 link show dev gen0)'
await "the agent to say so" grep -qi generic "$(log_of lb1-agent)"
expect "mode auto: ends well" stop lb1-agent
expect_soon "mode auto with --detach-on-exit: no program stays" xdp_detached lb1 gen0

agent "$eth0"
start_agent lb1 "$eth0"
await "lb1 to be ready" agent_ready lb1
refused "a second agent" "(^|[^0-9])$(pid_of lb1-agent)([^0-9]|$)" "${words[@]}"
agent "$eth0" "$(pins_of lb1)" "$LAB_DIR/elsewhere"
refused "a second agent on the same pins, another runtime_dir" "(^|[^0-9])$(pid_of lb1-agent)([^0-9]|$)" "${words[@]}"
expect "the first agent does not mind" agent_ready lb1

stop lb1-agent || fail "the agent ended with status $? on SIGTERM"
pretend_other_abi lb1
words=("$GUIDEWAY" status --pins "$(pins_of lb1)")
refused "status of pins of another ABI version" 'version 999.*agent of this version' "${words[@]}"
expect "and what is pinned goes on" xdp_attached lb1
