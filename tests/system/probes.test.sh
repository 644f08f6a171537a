#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Every check, to IPv4 and IPv6 VIPs and backends, through tunnels of every kind and direct; then each thing that can
# break on the way, and what it is called.
#
#     lb1 (prober) === tunnels in all four mixes ===> be1
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_TIMEOUT=30
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/health.sh"
cd "$LAB_ROOT"
lab_enter "$@"

checks="tcp http https udp icmp"

# service NAME VIP BACKEND VIA [ENCAPSULATION]: each has a listener of its own; the port that is probed is the check's.
service() {
    local check=${1%%-*} settings
    case $check in
    tcp) settings="port: 8011," ;;
    http) settings="port: 80," ;;
    https) settings="port: 8011, tls_verify: true, host: www.example.com, ca_file: $LAB_DIR/authorities.pem," ;;
    udp) settings="port: 7, send: hello, expect: 'be1:hello'," ;;
    icmp) settings="" ;;
    esac
    ((++listeners))
    cat <<-END
	  - name: $1
	    listen: ["$2:$((1000 + listeners))/tcp"]
	    encapsulation: ${5-ipip}
	    health: {check: $check, $settings via: $4, interval: 500ms, timeout: 400ms, damping: {flaps: 100}}
	    backends: ["$3"]
	END
}

write_config() {
    local check via encapsulation listeners=0
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	END
    for check in $checks; do
        for via in tunnel direct; do
            service "$check-$via-4in4" 192.0.2.10 10.0.0.101 $via
            service "$check-$via-4in6" 192.0.2.10 2001:db8:f::101 $via
            service "$check-$via-6in4" "[2001:db8:1::10]" 10.0.0.101 $via
            service "$check-$via-6in6" "[2001:db8:1::10]" 2001:db8:f::101 $via
        done
        for encapsulation in gre gue; do
            service "$check-tunnel-4in4-$encapsulation" 192.0.2.10 10.0.0.101 tunnel $encapsulation
            service "$check-tunnel-6in6-$encapsulation" "[2001:db8:1::10]" 2001:db8:f::101 tunnel $encapsulation
        done
        service "$check-tunnel-6in4-gre" "[2001:db8:1::10]" 10.0.0.101 tunnel gre
        service "$check-tunnel-4in6-gue" 192.0.2.10 2001:db8:f::101 tunnel gue
    done
    subjects
}

# Certificates that are to be for an address: the good one is, the other one is for another.
subjects() {
    subject right-address 192.0.2.10 8011 192.0.2.10:8011
    subject right-address6 "[2001:db8:1::10]" 8011 "'[2001:db8:1::10]:8011'"
    subject wrong-address 192.0.2.10 8009 192.0.2.10
    subject wrong-address6 "[2001:db8:1::10]" 8009 "'[2001:db8:1::10]'"
    subject other-address 192.0.2.10 8009 192.0.2.99
}

# subject NAME VIP PORT HOST
subject() {
    ((++listeners))
    cat <<-END
	  - name: $1
	    listen: ["$2:$((1000 + listeners))/tcp"]
	    health: {check: https, port: $3, tls_verify: true, host: $4, ca_file: $LAB_DIR/authorities.pem, damping: {flaps: 100}}
	    backends: [10.0.0.101]
	END
}

# expect_judged "sentence" PATTERN SERVICE...
expect_judged() {
    local what=$1 pattern=$2
    shift 2
    expect_soon "$what" all_are "$pattern" "$@"
}

lab_up
start_faulty be1
start be1-app be1 "$LAB_ROOT/tests/system/app.py" be1 192.0.2.10 2001:db8:1::10 10.0.0.101 2001:db8:f::101
start_backend be1 --detach-on-exit
await "be1 to unwrap" unwraps be1
await "the application" grep -q serves "$(log_of be1-app)"

write_config >"$LAB_DIR/lb.yaml"
mapfile -t all < <(sed -n 's/.*name: //p' "$LAB_DIR/lb.yaml" | grep -v address)
mapfile -t tunnelled < <(printf '%s\n' "${all[@]}" | grep tunnel)
mapfile -t direct < <(printf '%s\n' "${all[@]}" | grep direct)
mapfile -t http < <(printf '%s\n' "${all[@]}" | grep '^http-')
watch probes to-be1 "ip proto 4 or ip proto 41 or ip6 proto 4 or ip6 proto 41 or proto gre or udp port 6080"
start_prober "$LAB_DIR/lb.yaml"
expect_judged "all ${#all[@]} services' backends are up" up "${all[@]}"
expect_judged "certificates for the addresses that are asked for are good" up right-address right-address6 other-address
expect_judged "others are not" "down: application down: certificate: IP address mismatch" wrong-address wrong-address6
expect "IPv4 in IPv4 was seen" test "$(seen probes 'ip proto 4')" -gt 0
expect "IPv6 in IPv4 was seen" test "$(seen probes 'ip proto 41')" -gt 0
expect "IPv4 in IPv6 was seen" test "$(seen probes 'ip6 proto 4')" -gt 0
expect "IPv6 in IPv6 was seen" test "$(seen probes 'ip6 proto 41')" -gt 0
expect "GRE was seen" test "$(seen probes 'ip proto 47')" -gt 0
expect "GUE was seen" test "$(seen probes 'udp port 6080')" -gt 0
expect_equal "http probes leave no port in TIME_WAIT: the server closes first" 0 \
    "$(on lb1 ss -Htan state time-wait dport = :80 | wc -l)"
stop_watch probes

kill -STOP "$(pid_of be1-app)"
expect_judged "a stopped process is an application that is down" "down: application down" "${http[@]}"
expect "tcp probes do not see that: the kernel accepts" all_are up tcp-tunnel-4in4 tcp-direct-6in6
kill -CONT "$(pid_of be1-app)"
expect_judged "it goes on, and is up again" up "${all[@]}"

# Its helper would bring them back.
stop be1-backend KILL || true
ip -n be1 address delete 192.0.2.10/32 dev lo
ip -n be1 address delete 2001:db8:1::10/128 dev lo
expect_judged "without the VIP on lo decap is broken" "down: decap broken" "${tunnelled[@]}"
expect "which direct probes do not see" all_are up "${direct[@]}"
start_backend be1 --detach-on-exit
expect_judged "with the VIP all is up again" up "${all[@]}"

stop be1-backend
ip -n be1 address replace 192.0.2.10/32 dev lo
ip -n be1 address replace 2001:db8:1::10/128 dev lo nodad
expect_judged "without the decap program decap is broken" "down: decap broken" "${tunnelled[@]}"
expect "which direct probes do not see" all_are up "${direct[@]}"
start_backend be1
expect_judged "with it all is up again" up "${all[@]}"

ip -n be1 link set eth0 mtu 1450
expect_judged "a way too narrow for full-sized packets is a broken MTU" "down: MTU broken" "${tunnelled[@]}"
ip -n be1 link set eth0 mtu 1600
expect_judged "wide enough again, all is up" up "${all[@]}"

ip -n be1 link set eth0 down
expect_judged "without its link the host is unreachable" "down: host unreachable" "${all[@]}"
ip -n be1 link set eth0 up
ip -n be1 route replace default via 10.0.0.1
ip -n be1 route replace default via 2001:db8:f::1
expect_judged "with it all is up again" up "${all[@]}"

stop prober || fail "the prober ended with status $?"
expect "nothing of the probes is left on the interface" test -z "$(on lb1 tc filter show dev eth0 egress)"
