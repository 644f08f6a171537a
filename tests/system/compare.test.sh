#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# guideway compare: whether balancers agree; if not, in what, and who is odd.
#
#     client --- router --- lb1, lb2, lb3 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=3
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# write_config BALANCER [SED]: as the demo's, reachable from the others.
write_config() {
    sed "s/^http:.*//; ${2-}" configs/demo.yaml >"$LAB_DIR/$1.new"
    echo "http: $(address_of "$1"):9660" >>"$LAB_DIR/$1.new"
    mv "$LAB_DIR/$1.new" "$LAB_DIR/$1.yaml"
}

address_of() {
    ip -n "$1" -4 -j address show dev eth0 | jq -r '.[0].addr_info[0].local'
}

# compare [OPTION]...: of lb1 with the others.
compare() {
    on lb1 "$GUIDEWAY" compare "$(address_of lb2):9660" "$(address_of lb3):9660" --runtime-dir "$(runtime_dir_of lb1)" "$@"
}

# differs FILTER: what compare says at once, as "what backend odd", or by a filter of its own.
differs() {
    compare --grace 0s --json | jq -r "${1-.differences[] | \"\\(.what) \\(.service) \\(.backend) \\(.odd | join(\",\"))\"}"
}

reload() {
    on "$1" "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of "$1")"
}

lab_up
start_backends be1 be2 be3
for lb in lb1 lb2 lb3; do
    write_config $lb
    start_agent $lb "$LAB_DIR/$lb.yaml"
done
for lb in lb1 lb2 lb3; do
    await "$lb to be ready" agent_ready $lb
done
lb3=$(address_of lb3):9660

expect "three balancers agree" compare
expect_equal "it says so" "true 3 null" "$(differs '"\(.agree) \(.members | length) \(.members[2].error)"')"

on lb3 "$GUIDEWAY" disable be2 --service web --runtime-dir "$(runtime_dir_of lb3)"
expect "a backend that one has disabled is a difference" eval '! compare --grace 0s >"$LAB_DIR/said"'
expect_equal "it names backend and balancer" "health web 10.0.0.102 $lb3" "$(differs)"
expect "also in words" grep -qF "health of 10.0.0.102 in web: down, 0%, by hand ($lb3); up, 100% (this host, $(address_of lb2):9660)" \
    "$LAB_DIR/said"
start waiting lb1 "$GUIDEWAY" compare "$(address_of lb2):9660" "$lb3" --grace 1m --runtime-dir "$(runtime_dir_of lb1)"
on lb3 "$GUIDEWAY" enable be2 --service web --runtime-dir "$(runtime_dir_of lb3)"
expect "a difference that ends in time is none" finish waiting

write_config lb3 's/{name: be3, address: 10.0.0.103}/{name: be3, address: 10.0.0.103, weight: 50}/'
expect "lb3 takes another weight" reload lb3
expect "it is named" grep -qx "configuration web 10.0.0.103 $lb3" <(differs)
write_config lb3 '/name: echo/,$d'
expect "lb3 loses a service" reload lb3
expect "it is named" grep -qx "service echo null $lb3" <(differs)
expect "so is its fingerprint" grep -qx "fingerprint null null $lb3" <(differs)

stop lb3-agent
expect "a balancer without an agent is a difference" eval '! compare --grace 0s >"$LAB_DIR/said"'
expect "which says what to look at" grep -q "^answer: ask $lb3: Connection refused; does its agent run" "$LAB_DIR/said"
expect_equal "from a host without an agent two must be named" 1 "$(on client "$GUIDEWAY" compare "$lb3" >/dev/null 2>&1; echo $?)"
expect_equal "a server that is none is misuse" 2 "$(on lb1 "$GUIDEWAY" compare lb2 >/dev/null 2>&1; echo $?)"
