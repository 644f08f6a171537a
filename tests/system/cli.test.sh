#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# The commands that touch neither interfaces nor kernel: what they print, and how they exit.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
GUIDEWAY=${GUIDEWAY:-$root/build/guideway}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# expect_equal "sentence" WANTED MEASURED
expect_equal() {
    [[ $2 == "$3" ]] || {
        echo "FAILED: $1: wanted '$2', got '$3'" >&2
        exit 1
    }
    echo "ok: $1"
}

exit_status() {
    local status=0
    "$@" >"$work/stdout" 2>"$work/stderr" || status=$?
    echo "$status"
}

# configuration BACKENDS: to stdout.
configuration() {
    cat <<-END
		interfaces: [eth0]
		hash_key: "000102030405060708090a0b0c0d0e0f"
		services:
		  - name: web
		    listen: ["192.0.2.10:80/tcp"]
		    backends: [$1]
	END
}

table() {
    "$GUIDEWAY" table -c "$work/web.yaml" --json "$@" 2>/dev/null
}

configuration '10.0.0.1, {address: 10.0.0.2, name: two}, 10.0.0.3' >"$work/web.yaml"
expect_equal "table: golden digest" 1c4dfe60aef5235637ae9b191b20833b "$(table | jq -r '.services[0].digest')"
expect_equal "table --down by name" c964fb1d9aa6049796b951b59fb7f3d0 "$(table --down two | jq -r '.services[0].digest')"
expect_equal "table --down by address" c964fb1d9aa6049796b951b59fb7f3d0 "$(table --down 10.0.0.2 | jq -r '.services[0].digest')"
expect_equal "table --down leaves the base" 1c4dfe60aef5235637ae9b191b20833b "$(table --down two | jq -r '.services[0].base_digest')"
expect_equal "table --availability 0 is down" c964fb1d9aa6049796b951b59fb7f3d0 "$(table --availability two=0 | jq -r '.services[0].digest')"
expect_equal "table --availability in 1/256" "$(table --availability two=0.5 | jq -r '.services[0].digest')" \
    "$(table --availability two=0.501 | jq -r '.services[0].digest')"
expect_equal "table: its keys" '["name","table_size","base_digest","digest","backends"]' "$(table | jq -c '.services[0] | keys_unsorted')"
expect_equal "table: a backend's keys" '["address","weight","slots","share","ideal"]' \
    "$(table | jq -c '.services[0].backends[0] | keys_unsorted')"
expect_equal "table --dump: an owner a slot" 65537 "$(table --dump | jq '.services[0].owners | length')"
expect_equal "table --dump: slots add up" true \
    "$(table --dump | jq '.services[0] | ([.owners[] | select(. == "10.0.0.1")] | length) == .backends[0].slots')"
expect_equal "table: all down" null "$(table --down 10.0.0.1,two --down 10.0.0.3 --dump | jq '.services[0].owners | unique[]')"
expect_equal "table: an unknown backend" 1 "$(exit_status "$GUIDEWAY" table -c "$work/web.yaml" --down nobody)"
expect_equal "table: an unknown service" 1 "$(exit_status "$GUIDEWAY" table -c "$work/web.yaml" --service nothing)"

# shellcheck disable=SC2046,SC2183 # three words a backend
configuration "$(printf '{address: 10.1.%d.%d, weight: %d}, ' $(for i in {0..999}; do echo $((i / 250)) $((i % 250 + 1)) $((i % 7)); done))10.2.0.1" \
    >"$work/web.yaml"
expect_equal "table of 1,001 backends: all slots are somebody's" 65537 "$(table | jq '[.services[0].backends[].slots] | add')"
expect_equal "table of 1,001 backends: none for weight 0" 0 \
    "$(table | jq '[.services[0].backends[] | select(.weight == 0).slots] | add')"
expect_equal "a small table for so many is a warning" 0 "$(exit_status "$GUIDEWAY" check -c "$work/web.yaml")"
expect_equal "on stderr" 1 "$(wc -l <"$work/stderr")"

configuration '10.0.0.1, {address: 10.0.0.2, weight: 70000}, 10.0.0.1' >"$work/web.yaml"
expect_equal "check: refused" 1 "$(exit_status "$GUIDEWAY" check -c "$work/web.yaml")"
expect_equal "check: every error at once" 2 "$(wc -l <"$work/stderr")"
expect_equal "check: where and what" "$work/web.yaml:6:54: services[0].backends[1].weight: 70000 is not in 0..65535" "$(head -n 1 "$work/stderr")"
expect_equal "check: no such file" 1 "$(exit_status "$GUIDEWAY" check -c "$work/nothing.yaml")"

configuration 10.0.0.1 >"$work/good.yaml"
expect_equal "genkey: 32 hex digits" 1 "$("$GUIDEWAY" genkey | grep -cE '^[0-9a-f]{32}$')"
expect_equal "genkey: another each time" 2 "$( ("$GUIDEWAY" genkey; "$GUIDEWAY" genkey) | sort -u | wc -l)"
expect_equal "usage: no command" 2 "$(exit_status "$GUIDEWAY")"
expect_equal "usage: an unknown command" 2 "$(exit_status "$GUIDEWAY" fly)"
expect_equal "usage: a missing option" 2 "$(exit_status "$GUIDEWAY" table)"
expect_equal "usage: no address" 2 "$(exit_status "$GUIDEWAY" backend --interface eth0 --vip here --from 10.0.0.1)"
expect_equal "usage: no availability" 2 "$(exit_status "$GUIDEWAY" table -c "$work/good.yaml" --availability 10.0.0.1=2)"
expect_equal "usage: no percentage" 2 "$(exit_status "$GUIDEWAY" plan -c "$work/good.yaml" --from "$work/good.yaml" --max-move nan%)"
expect_equal "usage: no flow" 2 "$(exit_status "$GUIDEWAY" trace -c "$work/good.yaml" '10.0.0.1 to 10.0.0.2')"
expect_equal "stdout is full" 1 "$(exit_status bash -c "'$GUIDEWAY' genkey >/dev/full")"
expect_equal "--help" 0 "$(exit_status "$GUIDEWAY" --help)"
expect_equal "status without an agent and without pins" 1 "$(exit_status "$GUIDEWAY" status --runtime-dir "$work" --pins "$work")"
expect_equal "reload without an agent" 1 "$(exit_status "$GUIDEWAY" reload --runtime-dir "$work")"

configuration 10.0.0.1 | sed 's/eth0/no-such-one/' >"$work/open.yaml"
chmod 644 "$work/open.yaml"
: >"$work/journal"
# shellcheck disable=SC2094 # its status is read, not the file
JOURNAL_STREAM=$(stat -c %d:%i "$work/journal") "$GUIDEWAY" agent -c "$work/open.yaml" --runtime-dir "$work/run" 2>>"$work/journal" || true
expect_equal "lines for the journal have its prefix" 1 "$(grep -c '^<4>warning: hash_key' "$work/journal")"
expect_equal "the backend's reference is a file that can be used" 0 \
    "$("$GUIDEWAY" reference --backend | exit_status "$GUIDEWAY" check --backend -c /dev/stdin)"
expect_equal "usage: no time" 2 "$(exit_status "$GUIDEWAY" events --since yesterday)"
expect_equal "usage: more events than are kept" 2 "$(exit_status "$GUIDEWAY" events --last 10001)"
expect_equal "usage: neither file nor flags" 2 "$(exit_status "$GUIDEWAY" backend)"
expect_equal "usage: a VIP that is one of the balancers" 2 \
    "$(exit_status "$GUIDEWAY" backend --interface eth0 --vip 10.0.0.1 --from 10.0.0.1)"
expect_equal "reference.yaml is what the program knows" "" "$(diff "$root/configs/reference.yaml" <("$GUIDEWAY" reference))"
