#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# A backend by its file: started, changed under traffic, refused, asked how it is, killed and ended.
#
#     client --- router --- lb1 ---> be1 (be.yaml)
#
# VIPs: 192.0.2.10 and 2001:db8:1::10 at first; then 192.0.2.11; then the pools 192.0.2.64/26 and 2001:db8:2::/64.
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

config=$LAB_DIR/be.yaml
first_vips="192.0.2.10, \"2001:db8:1::10\""
added_vip=192.0.2.11
pools="192.0.2.64/26, \"2001:db8:2::/64\""
pool_vips="192.0.2.64 192.0.2.99 192.0.2.127 2001:db8:2::7 2001:db8:2::ffff"

# backend_config VIPS [LINE...]
backend_config() {
    echo "interfaces: [eth0]"
    echo "vips: [$1]"
    echo "balancers: [$(lab_ipv4 lb1), \"$(lab_ipv6 lb1)\"]"
    printf '%s\n' "http: 127.0.0.1:9661" "runtime_dir: $(runtime_dir_of be1)" "pins: $(pins_of be1)" "${@:2}"
}

put_config() {
    backend_config "$@" >"$config.new"
    mv "$config.new" "$config"
}

start_by_file() {
    start be1-backend be1 "$GUIDEWAY" backend -c "$config" "$@"
    await "be1 to unwrap" eval 'says_attached be1-backend && backend_status ".helper"'
}

# ask COMMAND...: as be1's operator.
ask() {
    on be1 "$GUIDEWAY" "$1" --runtime-dir "$(runtime_dir_of be1)" "${@:2}"
}

backend_status() {
    ask status --pins "$(pins_of be1)" --json | jq -er "$1"
}

# left_behind FILTER: the same without the process: from the pinned maps.
left_behind() {
    on be1 "$GUIDEWAY" status --pins "$(pins_of be1)" --runtime-dir "$LAB_DIR/nobody" --json | jq -er "$1"
}

reload() {
    ask reload 2>"$LAB_DIR/stderr"
}

# serves_vips VIP...: these, and no others.
serves_vips() {
    [[ $(backend_status '[.vips[].vip] | sort | join(" ")') == "$(printf '%s\n' "$@" | LC_ALL=C sort | paste -sd ' ')" ]]
}

# http PATH: its status and body.
http() {
    on be1 curl --silent --max-time 10 --write-out '%{http_code}\n' "http://127.0.0.1:9661/$1"
}

said() {
    grep -qE "$1" "$(log_of be1-backend)"
}

has_address() {
    grep -qF " $1/" < <(ip -n be1 -oneline address show dev lo)
}

# has_local_route PREFIX
has_local_route() {
    local family=-4
    [[ $1 != *:* ]] || family=-6
    grep -qF "local $1 " < <(ip -n be1 "$family" route show table local)
}

# answers VIP...: HTTP over each.
answers() {
    local vip
    for vip; do
        [[ $(on client curl --silent --max-time 5 "$(url "$vip" /)") == be1* ]] || return 1
    done
}

arp_ignore() {
    on be1 sysctl -n net.ipv4.conf.eth0.arp_ignore
}

# Time for two looks at the file, which take a second each.
two_looks() {
    local since
    since=$(date +%s)
    await "two looks" eval "(($(printf '$(date +%%s)') >= $since + 3))"
}

# --- starting --------------------------------------------------------------------------------------------------------

checks() {
    put_config "$first_vips"
    expect "check tells a backend's file by its keys" "$GUIDEWAY" check -c "$config"
    expect "and is told" "$GUIDEWAY" check --backend -c "$config"
    echo "vips: [192.0.2.300]" >"$LAB_DIR/bad.yaml"
    ! "$GUIDEWAY" check -c "$LAB_DIR/bad.yaml" 2>"$LAB_DIR/stderr" || fail "check accepts a broken file"
    expect_equal "every error at once" 3 "$(grep -c "^$LAB_DIR/bad.yaml:1:" "$LAB_DIR/stderr")"
    ! on be1 "$GUIDEWAY" backend -c "$LAB_DIR/bad.yaml" --runtime-dir "$LAB_DIR/other" 2>"$LAB_DIR/stderr" || fail "it starts"
    expect "a broken file is refused at the start" grep -q "bad.yaml:1:8: vips\[0\]: '192.0.2.300' is not an IP address" "$LAB_DIR/stderr"
    ! on lb1 "$GUIDEWAY" agent -c "$config" 2>"$LAB_DIR/stderr" || fail "an agent starts with it"
    expect "an agent says whose file it is" grep -q "looks like a backend's file" "$LAB_DIR/stderr"
    ! "$GUIDEWAY" backend -c "$config" --vip 192.0.2.10 2>"$LAB_DIR/stderr" || fail "file and flags"
    expect "either a file or flags" grep -q -- '--config' "$LAB_DIR/stderr"
}

started() {
    start_by_file
    expect "its VIPs are addresses of lo" has_vips be1
    expect_equal "eth0 does not answer ARP for them" 1 "$(arp_ignore)"
    expect "status: VIPs" serves_vips 192.0.2.10 2001:db8:1::10
    expect "status: all is local, nothing is wrong" backend_status '(.vips | all(.local)) and .fault == null and .degraded == []'
    expect "status: balancers" backend_status ".balancers == [\"$(lab_ipv4 lb1)\", \"$(lab_ipv6 lb1)\"]"
    expect "requests are answered" answers 192.0.2.10 2001:db8:1::10
    expect_soon "status: unwrapped packets" backend_status '.verdicts.unwrapped.packets > 0'
    expect "status, for people" eval 'ask status --pins "$(pins_of be1)" | grep -qE "^192.0.2.10 +address +local"'
    ! ask services --pins "$(pins_of be1)" 2>"$LAB_DIR/stderr" || fail "a backend has services"
    expect "what a backend does not have is said" grep -q 'this is a backend' "$LAB_DIR/stderr"
}

told_to_prometheus() {
    expect "/metrics" eval 'http metrics >"$LAB_DIR/metrics"'
    expect "/metrics: packets by verdict" grep -qE '^guideway_decap_packets_total\{verdict="unwrapped"\} [1-9]' "$LAB_DIR/metrics"
    expect "/metrics: VIPs" grep -qE '^guideway_decap_vip_local\{vip="192.0.2.10"\} 1' "$LAB_DIR/metrics"
    if type promtool >/dev/null 2>&1; then
        expect "promtool likes them" eval 'sed "\$d" "$LAB_DIR/metrics" | promtool check metrics'
    fi
    expect "/readyz" eval '[[ $(http readyz) == $(printf "ready\n200") ]]'
    expect "/healthz" eval '[[ $(http healthz) == $(printf "ok\n200") ]]'
    expect "/status.json" eval 'http status.json | head -n -1 | jq -e .vips'
    expect_equal "others are not found" 404 "$(http nothing | tail -n 1)"
}

# --- changing --------------------------------------------------------------------------------------------------------

# While datagrams come for the VIPs that stay.
reloaded_under_traffic() {
    LAB_VIPS="192.0.2.10 2001:db8:1::10" start_numbered 9001 --rate 2000
    put_config "$first_vips, $added_vip"
    expect_soon "a VIP in the file: served by the file's event" serves_vips 192.0.2.10 2001:db8:1::10 $added_vip
    expect "an address of lo" has_address $added_vip
    put_config "$first_vips, $added_vip, $pools" && reload
    expect "guideway reload: pools" has_local_route 192.0.2.64/26
    expect "of IPv6, too" has_local_route 2001:db8:2::/64
    put_config "$first_vips, $pools"
    expect_soon "a VIP that is in the file no more goes" eval "! has_address $added_vip"
    put_config "$first_vips, $added_vip, $pools"
    kill -HUP "$(pid_of be1-backend)"
    expect_soon "SIGHUP" has_address $added_vip
    put_config "$first_vips, $added_vip, $pools" "vip: oops"
    expect_soon "a broken file is refused" said 'be.yaml:7:1: vip: unknown key; did you mean '
    for _ in {1..20}; do
        ask status --pins "$(pins_of be1)" --json >/dev/null
    done
    finish_numbered
    expect "nothing was lost meanwhile: $outcome" clean
}

# Each by an order to reload, under traffic.
bad_files() {
    local file name count=0
    LAB_VIPS="192.0.2.10 2001:db8:1::10" start_numbered 9001 --rate 2000
    for file in tests/fixtures/config/bad-backend/*.yaml; do
        name=$(basename "$file")
        cp "$file" "$config.new"
        mv "$config.new" "$config"
        ! reload || fail "$name is not refused"
        sed "s|^$name:|$config:|" "${file%.yaml}.expected" | diff - "$LAB_DIR/stderr" || fail "$name: refused with other words"
        count=$((count + 1))
    done
    finish_numbered
    expect "$count bad files are refused with all of their errors, and no packet is lost" clean
    expect_more "there are many of them" 30 "$count"
    put_config "$first_vips, $added_vip, $pools"
    expect "a good one is applied" reload
}

pools_served() {
    # shellcheck disable=SC2086 # words
    expect "all of a pool is served" answers $pool_vips
    expect "none of it is an address" eval '! ip -n be1 -oneline address show | grep -qE "192.0.2.99|2001:db8:2::"'
    expect "status: pools are local" backend_status '.vips | map(select(.kind == "prefix")) | length == 2 and all(.local)'
    ip -n router route add 192.0.2.100/32 dev br-fabric
    on router ping -c 1 -W 5 192.0.2.100 >/dev/null || true
    expect "eth0 answers no ARP for a pool" eval '! ip -n router neigh show 192.0.2.100 | grep -q lladdr'
    ip -n be1 route del local 192.0.2.64/26 dev lo table local
    expect_soon "a local route that somebody deletes comes back" has_local_route 192.0.2.64/26
}

# refused WHY PATTERN
refused() {
    ! reload || fail "accepted: $1"
    expect "refused: $1" grep -qE "$2" "$LAB_DIR/stderr"
    expect "and the rest goes on" answers 192.0.2.10 $added_vip 192.0.2.99
    expect "status says so" backend_status '.helper.last_reload | .ok == false and (.errors | length > 0)'
}

broken_files() {
    put_config "192.0.2.300, 192.0.2.10, 192.0.2.10" "adresses: false"
    refused "three errors" "be.yaml:2:8: vips\[0\]: '192.0.2.300' is not an IP address"
    expect_equal "each of them is shown" 3 "$(grep -c "^$config:" "$LAB_DIR/stderr")"
    put_config "$first_vips, 10.0.0.96/27"
    refused "a pool that holds the host's own address" "10.0.0.96/27 holds 10.0.0.101"
    put_config "$first_vips, 10.0.0.0/28"
    refused "a pool that holds a balancer" "10.0.0.0/28 holds 10.0.0.11"
    put_config "$first_vips, $added_vip, $pools"
    sed -i 's,^pins:.*,pins: /sys/fs/bpf/elsewhere,' "$config"
    refused "other pins" "pins: $(pins_of be1) cannot become /sys/fs/bpf/elsewhere by a reload"
    put_config "$first_vips, $added_vip, $pools"
    sed -i 's/eth0/eth7/' "$config"
    refused "an interface that is not there" "eth7: no such interface"
    put_config "$first_vips, $added_vip, $pools"
    sed -i 's/127.0.0.1:9661/198.51.100.99:9661/' "$config"
    refused "an address to listen on that is not there" "listen on 198.51.100.99:9661"
    rm "$config"
    refused "no file" "No such file"
    mkfifo "$config"
    refused "a FIFO" "it is a FIFO"
    rm "$config"
    put_config "$first_vips, $added_vip, $pools"
    expect_soon "a good file again" backend_status '.helper.last_reload.ok'
    expect "/readyz all along" eval 'http readyz | grep -q ready'
}

written_slowly() {
    local before
    before=$(backend_status '.helper | "\(.reloads) \(.refused_reloads)"')
    exec 3>"$config"
    backend_config "$first_vips" >&3
    two_looks
    expect "a file that is being written is not read" answers $added_vip 192.0.2.99
    expect_equal "nor was a reload tried" "$before" "$(backend_status '.helper | "\(.reloads) \(.refused_reloads)"')"
    ! reload || fail "guideway reload applies half of a file"
    expect "guideway reload says why not" grep -q 'some process is writing it' "$LAB_DIR/stderr"
    exec 3>&-
    expect_soon "once it is closed, it is" serves_vips 192.0.2.10 2001:db8:1::10
    put_config "$first_vips, $added_vip, $pools"
    expect_soon "and changed back" has_local_route 192.0.2.64/26
}

# --- what is wrong ---------------------------------------------------------------------------------------------------

troubles() {
    on be1 sysctl -q -w net.ipv4.conf.eth0.arp_ignore=0
    expect_soon "arp_ignore comes back" eval '(($(arp_ignore) == 1))'
    ip -n be1 link set eth0 mtu 1500
    expect_soon "an MTU that is too small: status says so" backend_status '.degraded | any(test("MTU 1500 is too small"))'
    expect "/readyz: degraded" eval 'http readyz | grep -q "^degraded: eth0: MTU 1500 is too small"'
    expect_soon "and the log, once" said 'MTU 1500 is too small'
    ip -n be1 link set eth0 mtu 1600
    expect_soon "no more" backend_status '.degraded == []'
    bpftool link detach pinned "$(pins_of be1)/link-eth0"
    expect_soon "a program that somebody detaches comes back" said 'the program had been detached; attached again'
}

# --- ending ----------------------------------------------------------------------------------------------------------

killed() {
    local before
    stop be1-backend KILL || true
    expect "killed: VIPs and pools go on" answers 192.0.2.10 $added_vip 192.0.2.99 2001:db8:2::7
    expect "status, without it" left_behind '.helper == null and (.vips | length) == 5 and .fault == null'
    before=$(left_behind .verdicts.unwrapped.packets)
    put_config "$first_vips, $pools"
    start_by_file
    expect "a successor takes over" said 'took over from an earlier helper'
    expect "with the counters" backend_status ".verdicts.unwrapped.packets >= $before"
    expect_soon "what is in the file no more, it takes away" eval "! has_address $added_vip"
    stop be1-backend
    expect "SIGTERM: decap, VIPs and pools stay" answers 192.0.2.10 192.0.2.99
}

# A map of another layout lies where this version's is.
former_pins() {
    rm "$(pins_of be1)/decap_vip_prefixes"
    bpftool map create "$(pins_of be1)/decap_vip_prefixes" type hash key 16 value 4 entries 8 name former
    start_by_file
    expect "a map of another version is replaced" said "'decap_vip_prefixes' is another version's"
    expect "pools go on" answers 192.0.2.99 2001:db8:2::7
    stop be1-backend
}

# Addresses and routes that were there before are nobody's to take away.
others_addresses() {
    put_config "$first_vips, $pools" "addresses: false"
    start_by_file
    expect "addresses: false: those that a helper added are gone" eval '! has_vips be1 && ! has_local_route 192.0.2.64/26'
    expect_soon "status says which VIP is not local" backend_status '.degraded | any(test("192.0.2.10 is not local"))'
    ip -n be1 address add 192.0.2.10/32 dev lo
    ip -n be1 route add local 192.0.2.64/26 dev lo
    expect_soon "what others bring is served" answers 192.0.2.10 192.0.2.99
    put_config "$first_vips, $pools"
    expect_soon "addresses: true" has_local_route 2001:db8:2::/64
    stop be1-backend
    start_by_file --detach-on-exit
    stop be1-backend
    expect_soon "--detach-on-exit: no program" xdp_detached be1
    expect "what a helper added is gone" eval '! has_address 2001:db8:1::10 && ! has_local_route 2001:db8:2::/64'
    expect "what others brought stays" eval 'has_address 192.0.2.10 && has_local_route 192.0.2.64/26'
    expect_equal "ARP is as it was" 0 "$(arp_ignore)"
    expect "no pins" test ! -e "$(pins_of be1)"
}

# As in a container: what is missing there is the host's to set.
read_only_settings() {
    on be1 sysctl -q -w net.ipv4.conf.all.arp_ignore=0
    mount --bind /proc/sys /proc/sys
    mount -o remount,bind,ro /proc/sys
    start_by_file
    expect "/proc/sys is read-only: it serves all the same" has_vips be1
    expect_soon "and says what to set" backend_status '.degraded | any(test("eth0: this host answers ARP for the VIPs.*arp_ignore to 1"))'
    umount /proc/sys
    expect_soon "once it is writable, it is set" eval '[[ $(arp_ignore) == 1 ]]'
    expect_soon "and nothing is wrong" backend_status '.degraded == []'
    stop be1-backend
}

balancer_config() {
    local vip
    echo "interfaces: [eth0]"
    echo 'hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"'
    echo "services:"
    echo "  - name: all"
    echo "    backends: [$(lab_ipv4 be1)]"
    echo "    listen:"
    for vip in $LAB_VIPS; do
        [[ $vip != *:* ]] || vip="[$vip]"
        echo "      - \"$vip:80/tcp\""
        echo "      - \"$vip:9001/udp\""
    done
}

LAB_VIPS="192.0.2.10 2001:db8:1::10 $added_vip $pool_vips"
lab_up
balancer_config >"$LAB_DIR/lb.yaml"
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
LAB_VIPS=:: start_app be1 # of both families
await "be1 to serve" serves be1
LAB_VIPS="192.0.2.10 2001:db8:1::10"

checks
started
told_to_prometheus
reloaded_under_traffic
bad_files
put_config "$first_vips, $added_vip, $pools"
pools_served
broken_files
written_slowly
troubles
killed
former_pins
others_addresses
read_only_settings
