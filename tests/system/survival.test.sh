#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What happens to traffic when Guideway's processes end, one way or another: nothing, unless they were told to take
# everything with them.
#
#     client --- router --- lb1 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

next_port=10001

answers() {
    local before=$next_port
    next_port=$((next_port + 30))
    [[ $(http_requests 192.0.2.10 30 "$before" | wc -l) == 30 ]]
}

# agent_ended SIGNAL: a download through it, and everything after, does not notice.
agent_ended() {
    local counted link
    start_download "download-$1" 192.0.2.10 4000000 2M
    await "the download to begin" has_begun "download-$1"
    link=$(link_id lb1)
    stop lb1-agent "$1" || true
    counted=$(service_packets lb1 web)
    finish_download "download-$1"
    expect_equal "SIG$1 to the agent: a download goes on" intact "$outcome"
    expect "SIG$1 to the agent: new connections too" answers

    start_agent lb1 configs/demo.yaml
    await "lb1 to be ready" agent_ready lb1
    expect_equal "restart after SIG$1: the link is adopted" "$link" "$(link_id lb1)"
    expect_more "restart after SIG$1: counters go on" "$counted" "$(service_packets lb1 web)"
    expect "restart after SIG$1: traffic too" answers
}

# backend_ended SIGNAL
backend_ended() {
    stop be1-backend "$1" || true
    expect "SIG$1 to the backend: it still unwraps" xdp_attached be1
    expect "SIG$1 to the backend: it keeps the VIPs" has_vips be1
    expect "SIG$1 to the backend: traffic goes on" answers
    start_backend be1
    await "be1 to unwrap" unwraps be1
    expect "restart of the backend after SIG$1: traffic goes on" answers
}

has_address() {
    grep -qF " $1/" < <(ip -n be1 -oneline address show dev lo)
}

arp_ignore_is() {
    [[ $(on be1 cat /proc/sys/net/ipv4/conf/eth0/arp_ignore) == "$1" ]]
}

lab_up
keep_client_buffers_small
start_backends be1 be2 be3
start_agent lb1 configs/demo.yaml
await "lb1 to be ready" agent_ready lb1
expect "traffic to begin with" answers

agent_ended TERM
agent_ended KILL
backend_ended TERM
backend_ended KILL

stop lb1-agent || fail "the agent ended with status $? on SIGTERM"
start_agent lb1 configs/demo.yaml --detach-on-exit
await "lb1 to be ready" agent_ready lb1
expect "traffic before --detach-on-exit" answers
expect "--detach-on-exit: status 0" stop lb1-agent
expect_soon "--detach-on-exit: no program on the interface" xdp_detached lb1
expect "--detach-on-exit: no pins" test ! -e "$(pins_of lb1)"

stop be1-backend || fail "the backend ended with status $? on SIGTERM"
expect "the backend: ARP is silenced" arp_ignore_is 1
ip -n be1 address add 192.0.2.99/32 dev lo
start_backend be1 --vip 192.0.2.98 --vip 192.0.2.99
await "be1 to unwrap" unwraps be1
expect "another VIP: on lo" has_address 192.0.2.98
stop be1-backend || true
start_backend be1 --detach-on-exit
await "be1 to unwrap" unwraps be1
expect "backend --detach-on-exit: status 0" stop be1-backend
expect_soon "backend --detach-on-exit: no program on the interface" xdp_detached be1
expect "backend --detach-on-exit: no VIPs" eval '! grep -qE "192.0.2.10|2001:db8:1::10" < <(ip -n be1 -oneline address show dev lo)'
expect "a VIP that is no longer one: off lo" eval '! has_address 192.0.2.98'
expect "an address that was there before: still there" has_address 192.0.2.99
expect "backend --detach-on-exit: ARP as it was" arp_ignore_is 0
expect "backend --detach-on-exit: no pins" test ! -e "$(pins_of be1)"
