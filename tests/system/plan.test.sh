#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What `guideway plan` says of a change is what the change then does.
#
#     client --- router --- lb1 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# plan FILTER OPTION...: against the running agent.
plan() {
    on lb1 "$GUIDEWAY" plan -c "$LAB_DIR/next.yaml" --json --runtime-dir "$(runtime_dir_of lb1)" "${@:2}" | jq -er "$1"
}

# All pages of its table, one after another.
slots_of_web() {
    local first size page
    read -r first size < <(bpftool -j map dump pinned "$(pins_of lb1)/services" |
        jq -r '.[].formatted.value | select(.name == "web") | "\(.first_page) \(.table_size)"')
    for ((page = first; page <= first + size / 256; page++)); do
        echo "map lookup pinned $(pins_of lb1)/tables key $((page & 255)) $((page >> 8)) 0 0"
    done >"$LAB_DIR/pages"
    bpftool -j batch file "$LAB_DIR/pages" | jq -c '.[].output.formatted.value.slots[]' | head -n "$size"
}

slots_that_differ() {
    paste "$1" "$2" | awk '$1 != $2' | wc -l
}

lab_up
start_backends be1 be2 be3
cp configs/demo.yaml "$LAB_DIR/lb1.yaml"
start_agent lb1 "$LAB_DIR/lb1.yaml"
await "lb1 to be ready" agent_ready lb1

cp configs/demo.yaml "$LAB_DIR/next.yaml"
expect_equal "the same file moves nothing" 0 "$(plan '.largest_share_moved * 1')"
reverse_backends configs/demo.yaml >"$LAB_DIR/next.yaml"
expect_equal "another order changes nothing" "unchanged unchanged" "$(plan '[.services[].change] | join(" ")')"

sed 's/{name: be3, address: 10.0.0.103}/{name: be3, address: 10.0.0.103, weight: 50}/' configs/demo.yaml >"$LAB_DIR/next.yaml"
planned=$(plan '.services[] | select(.name == "web").slots_moved')
expect_more "half a weight moves slots" 0 "$planned"
expect_equal "and none of the other service's" 0 "$(plan '.services[] | select(.name == "echo").slots_moved')"
expect "within a budget of 20 %" on lb1 "$GUIDEWAY" plan -c "$LAB_DIR/next.yaml" --max-move 20% \
    --runtime-dir "$(runtime_dir_of lb1)"
expect_equal "but not of 5 %" 3 "$(on lb1 "$GUIDEWAY" plan -c "$LAB_DIR/next.yaml" --max-move 5% \
    --runtime-dir "$(runtime_dir_of lb1)" 2>"$LAB_DIR/over" >&2; echo $?)"
expect "which it says" grep -q 'above --max-move 5%' "$LAB_DIR/over"
expect_equal "from file to file it is the same" "$planned" \
    "$("$GUIDEWAY" plan -c "$LAB_DIR/next.yaml" --from configs/demo.yaml --json | jq '.services[] | select(.name == "web").slots_moved')"

on lb1 "$GUIDEWAY" drain be2 --runtime-dir "$(runtime_dir_of lb1)"
expect_equal "a drain that was said by hand stays, so that it moves nothing" 0 \
    "$(cp "$LAB_DIR/lb1.yaml" "$LAB_DIR/next.yaml"; plan '.largest_share_moved * 1')"
on lb1 "$GUIDEWAY" undrain be2 --runtime-dir "$(runtime_dir_of lb1)"
sed 's/{name: be3, address: 10.0.0.103}/{name: be3, address: 10.0.0.103, weight: 50}/' configs/demo.yaml >"$LAB_DIR/next.yaml"

slots_of_web >"$LAB_DIR/before"
cp "$LAB_DIR/next.yaml" "$LAB_DIR/lb1.yaml"
on lb1 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)"
slots_of_web >"$LAB_DIR/after"
expect_equal "and as many slots of the kernel's table change" "$planned" "$(slots_that_differ "$LAB_DIR/before" "$LAB_DIR/after")"

sed 's/192.0.2.10:7/192.0.2.77:7/' configs/demo.yaml >"$LAB_DIR/next.yaml"
expect_equal "a VIP that appears" 192.0.2.77 "$(plan '.vips_appear | join(" ")')"
sed 's/^hash_key: .*/hash_key: "00000000000000000000000000000001"/' configs/demo.yaml >"$LAB_DIR/next.yaml"
expect_equal "another hash key moves everything" "the hash key changes" "$(plan .everything_moves_because)"

# --- with a backend that fails its checks ----------------------------------------------------------------------------

# write_checked FILE [SED]: web alone, probed.
write_checked() {
    sed "/name: echo/,\$d; s/^    backends:/    health: {check: tcp, interval: 300ms, timeout: 250ms, rise: 2, fall: 2}\n&/; ${2-}" \
        configs/demo.yaml >"$1.new"
    mv "$1.new" "$1"
}

be2_is() {
    status lb1 ".services[0].backends[] | select(.name == \"be2\") | .state == \"$1\""
}

write_checked "$LAB_DIR/lb1.yaml"
on lb1 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)"
await "be2 to be up" be2_is up
stop be2-app || true
await "be2 to be down" be2_is down
write_checked "$LAB_DIR/next.yaml"
expect_equal "while a backend is dead the same file moves nothing" 0 "$(plan '.largest_share_moved * 1')"
write_checked "$LAB_DIR/next.yaml" 's/{name: be3, address: 10.0.0.103}/{name: be3, address: 10.0.0.103, weight: 98}/'
expect_more "a little weight moves a little" 90 "$(plan '100 - 100 * .largest_share_moved | floor')"
slots_of_web >"$LAB_DIR/before"
planned=$(plan '.services[0].slots_moved')
cp "$LAB_DIR/next.yaml" "$LAB_DIR/lb1.yaml"
on lb1 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)"
slots_of_web >"$LAB_DIR/after"
expect_equal "as many slots as the kernel's table then changes" "$planned" "$(slots_that_differ "$LAB_DIR/before" "$LAB_DIR/after")"
sed -i '/health:/d' "$LAB_DIR/next.yaml"
expect_more "without checks it counts as up, so its slots come back" 25 "$(plan '100 * .largest_share_moved | floor')"
