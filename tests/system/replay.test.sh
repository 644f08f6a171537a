#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# `guideway replay`: an object a frame, and a capture of what is sent, from whole captures and from damaged ones.
#
#     mixed.pcap, mixed.pcapng ---> the program, attached to nothing ---> sent.pcap
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# Of the four mixes of families, all: IPv4 and IPv6 to 'over-ipv4' on TCP, and to 'over-ipv6' on UDP.
write_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: over-ipv4
	    listen: ["192.0.2.10:80/tcp", "192.0.2.10:443/tcp", "[2001:db8:1::10]:80/tcp"]
	    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
	  - name: over-ipv6
	    listen: ["192.0.2.10:53/udp", "[2001:db8:1::10]:53/udp"]
	    backends: ["2001:db8:f::101", "2001:db8:f::102", "2001:db8:f::103"]
	END
}

# replay CAPTURE: what it prints is in $LAB_DIR/objects, what is sent in $LAB_DIR/sent.pcap.
replay() {
    "$GUIDEWAY" replay -c "$LAB_DIR/lb.yaml" --in "$LAB_DIR/$1" --out "$LAB_DIR/sent.pcap" --json \
        >"$LAB_DIR/objects" 2>"$LAB_DIR/stderr"
}

# sent_like PATTERN: the number of sent frames that tcpdump describes so.
sent_like() {
    grep -cE "$1" "$LAB_DIR/sent.text" || true
}

# objects_where CONDITION: how many there are.
objects_where() {
    jq -s "map(select($1)) | length" "$LAB_DIR/objects"
}

whole() {
    local answered forwarded frames
    frames=$(wc -l <"$LAB_DIR/verdicts")
    echo "\$ guideway replay -c lb.yaml --in $1 --out sent.pcap --json"
    expect "$1: exit status 0" replay "$1"
    expect_equal "$1: nothing on stderr" "" "$(<"$LAB_DIR/stderr")"
    expect_equal "$1: $frames frames, a line of output each" "$frames" "$(wc -l <"$LAB_DIR/objects")"
    expect_equal "$1: in their order" "$(seq 0 $((frames - 1)))" "$(jq .index "$LAB_DIR/objects")"
    expect_equal "$1: always the same six keys" '["index","verdict","action","service","backend","slot"]' \
        "$(jq -c keys_unsorted "$LAB_DIR/objects" | sort -u)"
    expect_equal "$1: each frame's verdict" "$(<"$LAB_DIR/verdicts")" "$(jq -r .verdict "$LAB_DIR/objects")"

    forwarded=$(grep -cx forwarded "$LAB_DIR/verdicts")
    answered=$(grep -cx echo_answered "$LAB_DIR/verdicts")
    expect_equal "$1: what is forwarded has service, backend and slot" "$forwarded" \
        "$(objects_where '.verdict == "forwarded" and .action == "tx" and .service and .backend and .slot')"
    expect_equal "$1: and goes to a backend of its service" "$forwarded" \
        "$(objects_where '(.service == "over-ipv4" and (.backend // "" | startswith("10.0.0.10"))) or
                          (.service == "over-ipv6" and (.backend // "" | startswith("2001:db8:f::10")))')"
    expect_equal "$1: nothing else has a backend" $((frames - forwarded)) "$(objects_where '.backend == null')"
    expect_equal "$1: what is for no VIP, another host or the link is passed" 0 \
        "$(objects_where '(.verdict | IN("not_vip", "not_ip", "too_short", "other_host", "link_control")) != (.action == "pass")')"

    tcpdump -n -v -r "$LAB_DIR/sent.pcap" 2>/dev/null >"$LAB_DIR/sent.text"
    expect_equal "$1: what is sent is in the capture" $((forwarded + answered)) "$(tcpdump -n -r "$LAB_DIR/sent.pcap" 2>/dev/null | wc -l)"
    expect_equal "$1: echo requests are answered" "$answered" "$(sent_like 'ICMP6?,? echo reply')"
    expect_equal "$1: each other frame wrapped in IPv4 or IPv6, says tcpdump" "$forwarded" \
        "$(sent_like '^[0-9:.]+ IP \(.*proto (IPIP \(4\)|IPv6 \(41\))|^[0-9:.]+ IP6 \(.*next-header (IPIP \(4\)|IPv6 \(41\))')"
    expect_more "$1: IPv4 in IPv4" 0 "$(sent_like '^[0-9:.]+ IP \(.*proto IPIP')"
    expect_more "$1: IPv6 in IPv4" 0 "$(sent_like '^[0-9:.]+ IP \(.*proto IPv6')"
    expect_more "$1: IPv4 in IPv6" 0 "$(sent_like '^[0-9:.]+ IP6 \(.*next-header IPIP')"
    expect_more "$1: IPv6 in IPv6" 0 "$(sent_like '^[0-9:.]+ IP6 \(.*next-header IPv6')"
    expect_equal "$1: no checksum is wrong, of whichever header" 0 "$(sent_like 'bad|incorrect|truncated')"
}

# cut_off FILE LENGTH FRAMES: the file cut off there has so many whole frames. A file without its header is refused.
cut_off() {
    local status=0
    head -c "$2" "$LAB_DIR/$1" >"$LAB_DIR/cut"
    : >"$LAB_DIR/objects"
    replay cut || status=$?
    ((status <= 1)) || fail "$1 cut off at $2: exit status $status"
    [[ $(wc -l <"$LAB_DIR/objects") == "$3" ]] || fail "$1 cut off at $2: $(wc -l <"$LAB_DIR/objects") objects, not $3"
    diff "$LAB_DIR/objects" <(head -n "$3" "$LAB_DIR/$1.objects") || fail "$1 cut off at $2: other objects"
    ((status == 0)) || [[ $(wc -l <"$LAB_DIR/stderr") == 1 && $3 == 0 ]] ||
        fail "$1 cut off at $2: exit status 1, and $(<"$LAB_DIR/stderr")"
}

# cut_off_everywhere FILE STEP: at every STEPth byte.
cut_off_everywhere() {
    local length frames cuts=0 step=$2
    expect "$1: whole" replay "$1"
    cp "$LAB_DIR/objects" "$LAB_DIR/$1.objects"
    while read -r length frames; do
        ((length % step == 0)) || continue
        cut_off "$1" "$length" "$frames"
        cuts=$((cuts + 1))
    done <"$LAB_DIR/$1.cuts"
    echo "ok: $1: cut off at $cuts places, the frames before that are replayed"
}

write_config >"$LAB_DIR/lb.yaml"
tests/system/captures.py "$LAB_DIR"

whole mixed.pcap
cp "$LAB_DIR/objects" "$LAB_DIR/objects.pcap"
cp "$LAB_DIR/sent.pcap" "$LAB_DIR/sent.first.pcap"
whole mixed.pcapng
expect "both formats give the same objects" cmp "$LAB_DIR/objects" "$LAB_DIR/objects.pcap"
expect "and the same frames" cmp "$LAB_DIR/sent.pcap" "$LAB_DIR/sent.first.pcap"

cut_off_everywhere short.pcap 1
cut_off_everywhere short.pcapng 3
