#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# `interfaces: [auto]`: one file for hosts whose interfaces have different names.
#
#     client --- router --- lb1 ---> be1
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

config=$LAB_DIR/lb.yaml
backend_config=$LAB_DIR/be.yaml

write_configs() {
    cat >"$config" <<-END
	interfaces: [auto]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp"]
	    backends: [10.0.0.101]
	END
    cat >"$backend_config" <<-END
	interfaces: [auto]
	vips: [192.0.2.10]
	balancers: [10.0.0.11]
	END
}

ask_agent() {
    on lb1 "$GUIDEWAY" "$1" --runtime-dir "$(runtime_dir_of lb1)" "${@:2}"
}

is_attached_to() {
    status lb1 ".interfaces == [{name: \"$1\", attached: true}]"
}

without_default_route() {
    ip -n lb1 route del default
    ip -n lb1 -6 route del default
    ! ask_agent reload 2>"$LAB_DIR/stderr" || fail "it is reloaded"
    expect "without a default route a reload is refused" \
        grep -q "^$config: interfaces: auto is where the default route leads, and this host has none; name them instead$" \
        "$LAB_DIR/stderr"
    ! on lb1 "$GUIDEWAY" agent -c "$config" --runtime-dir "$LAB_DIR/other" --pins /sys/fs/bpf/other 2>"$LAB_DIR/stderr" ||
        fail "another agent starts"
    expect "and a start" grep -q '^guideway: interfaces: auto is where the default route leads' "$LAB_DIR/stderr"
    expect_http 192.0.2.10 5 20010 1
    ip -n lb1 -6 route add default via 2001:db8:f::1
    expect "an IPv6 one will do" ask_agent reload
    ip -n lb1 route add default via 10.0.0.1
}

renamed() {
    ip -n lb1 link set eth0 down
    ip -n lb1 link set eth0 name lan0
    ip -n lb1 link set lan0 up
    ip -n lb1 route replace default via 10.0.0.1
    expect_soon "renamed meanwhile: it is the interface of its new name" eval 'ask_agent reload && is_attached_to lan0'
    await "the next hop" next_hops_known lb1
    expect_http 192.0.2.10 5 20020 1
}

lab_up
write_configs
start be1-backend be1 "$GUIDEWAY" backend -c "$backend_config" --pins "$(pins_of be1)" --runtime-dir "$(runtime_dir_of be1)"
start_app be1
start_agent lb1 "$config"
await "be1 to unwrap" says_attached be1-backend
await "be1 to serve" serves be1
await "lb1 to be ready" agent_ready lb1
expect "attached where the default route leads" is_attached_to eth0
expect "plan knows that nothing changes" eval 'ask_agent plan -c "$config" | grep -q unchanged'
expect_http 192.0.2.10 5 20000 1
without_default_route
renamed
