# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs Guideway's parts in the lab, and asks them how they are. For the demo and the system tests: sourced after
# scripts/lab.

GUIDEWAY=${GUIDEWAY:-$LAB_ROOT/build/guideway}
# shellcheck disable=SC2034
GUIDEWAY_UPGRADED=$(dirname "$GUIDEWAY")/tests/system/guideway-upgraded # another version of it
NUMBERED=$(dirname "$GUIDEWAY")/tests/system/numbered

# A command that fails unexpectedly ends the script (set -e): say which, once.
set -E
trap '((BASH_SUBSHELL)) || fail "$(basename "$0"), line $LINENO: $BASH_COMMAND"' ERR

# --- starting the parts ----------------------------------------------------------------------------------------------

pins_of() {
    echo "/sys/fs/bpf/$1"
}

runtime_dir_of() {
    echo "$LAB_DIR/$1"
}

# start_agent lb1 CONFIG [OPTION...]
start_agent() {
    start "$1-agent" "$1" "$GUIDEWAY" agent -c "$2" --pins "$(pins_of "$1")" --runtime-dir "$(runtime_dir_of "$1")" \
        "${@:3}"
}

# start_backend be1 [OPTION...]: what unwraps, for every VIP and from every balancer.
start_backend() {
    local vip balancer backend who=()
    for vip in $LAB_VIPS; do
        who+=(--vip "$vip")
    done
    for balancer in $(lab_balancers); do
        who+=(--from "$(lab_ipv4 "$balancer")" --from "$(lab_ipv6 "$balancer")")
    done
    for backend in $(lab_backends); do
        who+=(--backend "$(lab_ipv4 "$backend")" --backend "$(lab_ipv6 "$backend")")
    done
    start "$1-backend" "$1" "$GUIDEWAY" backend --interface eth0 "${who[@]}" --pins "$(pins_of "$1")" \
        --runtime-dir "$(runtime_dir_of "$1")" "${@:2}"
}

start_app() {
    # shellcheck disable=SC2086 # one word per VIP
    start "$1-app" "$1" "$LAB_ROOT/tests/system/app.py" "$1" $LAB_VIPS
}

# What every test wants of the backends: they unwrap, and something answers.
start_backends() {
    local backend
    for backend; do
        start_backend "$backend"
        start_app "$backend"
    done
    for backend; do
        await "$backend to unwrap" unwraps "$backend"
        await "$backend to serve" serves "$backend"
    done
}

# The same configuration, with every list of backends the other way round. Expects a backend a line.
reverse_backends() {
    awk '/^ *- \{name: be/ { held = $0 "\n" held; next }
         { printf "%s", held; held = ""; print }
         END { printf "%s", held }' "$1"
}

# --- how they are ----------------------------------------------------------------------------------------------------

# status lb1 FILTER: what jq's FILTER makes of the agent's status; false and null are failures.
status() {
    on "$1" "$GUIDEWAY" status --pins "$(pins_of "$1")" --runtime-dir "$(runtime_dir_of "$1")" --json | jq -er "$2"
}

# in_kernel lb1 FILTER: the same, from the pinned maps themselves: an agent's answer may be a tenth of a second old.
in_kernel() {
    on "$1" "$GUIDEWAY" status --pins "$(pins_of "$1")" --runtime-dir "$LAB_DIR/nobody" --json | jq -er "$2"
}

up_to_date() {
    [[ $(status "$1" '[.services[].packets] | add') == "$(in_kernel "$1" '[.services[].packets] | add')" ]]
}

agent_ready() {
    running "$1-agent" && says_attached "$1-agent" && next_hops_known "$1"
}

# The maps answer without an agent, too: only the log tells a restarted one is there.
says_attached() {
    grep -q 'XDP)$' "$(log_of "$1")"
}

next_hops_known() {
    status "$1" '[.services[].backends[].next_hop.mac] | length > 0 and all'
}

# next_hop lb1 SERVICE ADDRESS: the backend's MAC, or "none".
next_hop() {
    status "$1" ".services[] | select(.name == \"$2\") | .backends[] | select(.address == \"$3\") | .next_hop.mac // \"none\""
}

next_hop_is() {
    [[ $(next_hop "$1" "$2" "$3") == "$4" ]]
}

service_packets() {
    in_kernel "$1" ".services[] | select(.name == \"$2\").packets"
}

verdict_packets() {
    in_kernel "$1" ".verdicts[\"$2\"].packets // 0"
}

digests() {
    status "$1" '[.services[] | "\(.name) \(.base_digest) \(.digest)"] | sort | join("\n")'
}

xdp_attached() {
    grep -q xdp < <(ip -n "$1" link show dev "${2:-eth0}")
}

# Awaited, as the kernel lets go of an unpinned link a moment after the unlink.
xdp_detached() {
    ! xdp_attached "$@"
}

# The pinned link of lb1's eth0: adopted and given another program, it keeps its number.
link_id() {
    bpftool -j link show pinned "$(pins_of "$1")/link-eth0" | jq .id
}

# The tag of the program on lb1's eth0: a digest of its instructions.
program_tag() {
    local program
    program=$(bpftool -j link show pinned "$(pins_of "$1")/link-eth0" | jq .prog_id)
    bpftool -j prog show id "$program" | jq -r .tag
}

# From now on what is pinned seems to come from a guideway with another layout of the maps: a little-endian u32 version
# 999, and the table size 65537 (include/guideway/abi.h).
pretend_other_abi() {
    bpftool map update pinned "$(pins_of "$1")/abi" key hex 00 00 00 00 value hex e7 03 00 00 01 00 01 00
}

has_vips() {
    local vip addresses
    addresses=$(ip -n "$1" -oneline address show dev lo)
    for vip in $LAB_VIPS; do
        grep -qF " $vip/" <<<"$addresses" || return 1
    done
}

unwraps() {
    running "$1-backend" && says_attached "$1-backend" && xdp_attached "$1" && has_vips "$1"
}

serves() {
    grep -q serves "$(log_of "$1-app")"
}

# --- what the client does --------------------------------------------------------------------------------------------

# url VIP PATH
url() {
    if [[ $1 == *:* ]]; then echo "http://[$1]$2"; else echo "http://$1$2"; fi
}

# http_requests VIP COUNT FIRST_PORT: on a fresh connection each, from successive source ports, so that the same flows
# come each time. Prints the names of those who answered. Ports must not be used twice in a lab: they stay in TIME_WAIT.
http_requests() {
    local port
    for ((port = $3; port < $3 + $2; port++)); do
        printf 'next\nurl = "%s"\nlocal-port = %d\nsilent\nshow-error\nfail\nmax-time = 5\n' "$(url "$1" /)" "$port"
    done >"$LAB_DIR/requests.curl"
    on client curl -K "$LAB_DIR/requests.curl" || true
}

# udp_requests VIP COUNT [OPTION...]: prints the names of those who answered.
udp_requests() {
    { on client "$LAB_ROOT/tests/system/udp_echo.py" "$@" || true; } | cut -d: -f1
}

# A transfer lasts as long as curl takes only when the client's kernel cannot hold much of it.
keep_client_buffers_small() {
    on client sysctl -q -w net.ipv4.tcp_rmem='4096 65536 262144'
}

# start_download NAME VIP BYTES RATE
start_download() {
    start "$1" client curl --silent --show-error --fail --max-time 60 --limit-rate "$4" \
        --dump-header "$LAB_DIR/$1.headers" --output "$LAB_DIR/$1.blob" "$(url "$2" "/blob/$3?$1")"
}

has_begun() {
    [[ -s $LAB_DIR/$1.blob ]]
}

# finish_download NAME: sets $outcome to "intact", or to what is wrong. (No output: a subshell could not wait for it.)
# shellcheck disable=SC2034
finish_download() {
    if ! finish "$1"; then
        outcome=$(tail -n 1 "$(log_of "$1")")
    elif [[ $(sha256sum <"$LAB_DIR/$1.blob" | cut -d' ' -f1) == "$(header_of "$1" X-Sha256)" ]]; then
        outcome=intact
    else
        outcome=damaged
    fi
}

header_of() {
    sed -n "s/^$2: \(.*\)\r$/\1/p" "$LAB_DIR/$1.headers"
}

# upload VIP BYTES: prints "intact", or what is wrong.
upload() {
    local answer
    head -c "$2" /dev/urandom >"$LAB_DIR/upload"
    answer=$(on client curl -sSf --max-time 60 -T "$LAB_DIR/upload" "$(url "$1" /upload)" 2>&1 || true)
    if [[ $answer == "$(sha256sum <"$LAB_DIR/upload" | cut -d' ' -f1)" ]]; then
        echo intact
    else
        echo "damaged: $answer"
    fi
}

# expect_echoes VIP COUNT FIRST_PORT BACKENDS: every datagram is answered, by so many backends.
expect_echoes() {
    udp_requests "$1" "$2" --first-source-port "$3" >"$LAB_DIR/answers"
    expect_equal "$1: $2 datagrams answered" "$2" "$(wc -l <"$LAB_DIR/answers")"
    expect_equal "$1: by $4 backends" "$4" "$(sort -u "$LAB_DIR/answers" | wc -l)"
}

# expect_http VIP COUNT FIRST_PORT BACKENDS: every HTTP request is.
expect_http() {
    http_requests "$1" "$2" "$3" >"$LAB_DIR/answers"
    expect_equal "$1: $2 HTTP requests answered" "$2" "$(wc -l <"$LAB_DIR/answers")"
    expect_equal "$1: by $4 backends" "$4" "$(sort -u "$LAB_DIR/answers" | wc -l)"
}

# expect_transfers VIP BYTES: that much arrives whole, both ways.
expect_transfers() {
    start_download "download-$1" "$1" "$2" 1G
    finish_download "download-$1"
    expect_equal "$1: $2 bytes downloaded" intact "$outcome"
    expect_equal "$1: $2 bytes uploaded" intact "$(upload "$1" "$2")"
}

# --- numbered datagrams ----------------------------------------------------------------------------------------------

# start_numbered PORT [OPTION...]: 20,000 datagrams a second from the client to that port of all VIPs, received by all
# backends, until finish_numbered, or as many as the options say.
start_numbered() {
    local backend
    # shellcheck disable=SC2086 # one word per VIP
    for backend in $(lab_backends); do
        start "$backend-sink" "$backend" "$NUMBERED" sink "$LAB_DIR/$backend.got" "$1" $LAB_VIPS
    done
    for backend in $(lab_backends); do
        await "the sink of $backend" grep -q listening "$(log_of "$backend-sink")"
    done
    # shellcheck disable=SC2086
    start numbered client "$NUMBERED" send "${@:2}" "$LAB_DIR/sent" "$1" $LAB_VIPS
}

# finish_numbered: stops what sends, then what receives; sets $outcome to "N sent, N lost, N duplicated".
# shellcheck disable=SC2034
finish_numbered() {
    local backend got=()
    stop numbered || fail "the sender ended with status $?"
    for backend in $(lab_backends); do
        stop "$backend-sink" || fail "the sink of $backend ended with status $?"
        got+=("$LAB_DIR/$backend.got")
    done
    outcome=$("$NUMBERED" compare "$LAB_DIR/sent" "${got[@]}" 2>/dev/null || true)
    echo "$outcome; $(tail -n 1 "$(log_of numbered)")"
}

clean() {
    [[ $outcome == [1-9]*" sent, 0 lost, 0 duplicated" ]]
}

# --- what passes the router ------------------------------------------------------------------------------------------

# watch NAME PORT FILTER: captures what passes one of the router's ports towards the fabric, both ways.
watch() {
    start "watch-$1" router \
        tcpdump -Z root --immediate-mode -U -n -B 16384 -s 100 -i "$2" -w "$LAB_DIR/$1.pcap" "$3"
    await "tcpdump" grep -q 'listening on' "$(log_of "watch-$1")"
}

stop_watch() {
    stop "watch-$1" || true
}

# seen NAME [FILTER]: the number of captured frames.
seen() {
    { tcpdump -n -r "$LAB_DIR/$1.pcap" "${2-}" 2>/dev/null || true; } | wc -l
}

# --- saying what was expected ----------------------------------------------------------------------------------------

# expect "sentence" COMMAND...
expect() {
    local sentence=$1
    shift
    "$@" >/dev/null || fail "$sentence"
    echo "ok: $sentence"
}

# expect_soon "sentence" CONDITION...
expect_soon() {
    await "$@"
    echo "ok: $1"
}

# expect_equal "sentence" WANTED MEASURED
expect_equal() {
    [[ $2 == "$3" ]] || fail "$1: wanted '$2', got '$3'"
    echo "ok: $1"
}

# expect_more "sentence" THAN MEASURED
expect_more() {
    (($3 > $2)) || fail "$1: wanted more than $2, got $3"
    echo "ok: $1"
}
