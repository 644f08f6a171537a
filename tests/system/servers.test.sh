#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Who asks the agent, however often and however badly, keeps neither others from their answers nor the agent from its
# work: backends are judged and orders obeyed meanwhile.
#
#     router: scrapes, loiters === http: === lb1 (also on its control socket) ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_TIMEOUT=30
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/lb1.sh"
cd "$LAB_ROOT"
lab_enter "$@"

# A second service of many backends that do not exist: answers are long.
write_config() {
    local i
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	http: 10.0.0.11:9660
	${1-}
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp"]
	    health: {check: http, path: /, interval: 500ms, timeout: 500ms, rise: 1, fall: 3, damping: {flaps: 100}}
	    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
	  - name: with-many
	    listen: ["192.0.2.10:81/tcp"]
	    backends:
	END
    for ((i = 0; i < 2000; i++)); do
        printf '      - 10.7.%d.%d\n' $((i / 250)) $((i % 250 + 1))
    done
}

# get PATH: what somebody at $asking gets, with the reason if it is a refusal; fails if that takes long.
asking=router
get() {
    local code
    code=$(on "$asking" curl -sS --max-time 20 -o "$LAB_DIR/body" -w '%{http_code}' "http://10.0.0.11:9660$1")
    [[ $code == 200 ]] || code+=" $(head -n 1 "$LAB_DIR/body")"
    echo "$code"
}

# loiter NAME NAMESPACE BEHAVIOUR WHERE [OPTION...]
loiter() {
    start "$1" "$2" "$LAB_ROOT/tests/system/loiterers.py" "${@:3}"
    await "$1: all connections" grep -q 'were opened' "$(log_of "$1")"
}

everyone_is_served() {
    local i
    for ((i = 0; i < 5; i++)); do
        expect_equal "$1: /healthz" 200 "$(get /healthz)"
    done
    expect_equal "$1: /readyz" 200 "$(get /readyz)"
    expect_equal "$1: /metrics" 200 "$(get /metrics)"
    expect_equal "$1: whole" 2003 "$(grep -c '^guideway_backend_packets_total{' "$LAB_DIR/body")"
    expect_equal "$1: /status.json" 200 "$(get /status.json)"
    expect "$1: whole" jq -e '[.services[].backends | length] | add == 2003' "$LAB_DIR/body"
    expect "$1: guideway status" status lb1 '.services | length == 2'
    expect "$1: an order" guideway drain 10.0.0.103
    expect "$1: is obeyed" is drain be3
    expect "$1: another" guideway undrain 10.0.0.103
    suspend be1
    expect_soon "$1: a backend that hangs is judged to be down" is down be1
    resume be1
    expect_soon "$1: and up again" is up be1 be3
}

loiterers() {
    local behaviour socket
    socket=$(runtime_dir_of lb1)/control.sock
    for behaviour in "silent" "trickles" "reads slowly"; do
        loiter loiterers router "$behaviour" 10.0.0.11:9660
        loiter more-loiterers client "$behaviour" 10.0.0.11:9660 --path /metrics
        loiter local-loiterers lb1 "$behaviour" "$socket" --path /status
        asking=router
        expect_equal "600 connections, $behaviour: /healthz, where they come from" 200 "$(get /healthz)"
        expect_equal "600 connections, $behaviour: /readyz, there" 200 "$(get /readyz)"
        asking=be1
        everyone_is_served "600 connections, $behaviour"
        stop loiterers || true
        stop more-loiterers || true
        stop local-loiterers || true
    done
}

scrapes() {
    local i
    for i in {1..30}; do
        # shellcheck disable=SC2016 # for the shell inside
        start "scrape-$i" router sh -c 'while curl -sS --max-time 60 -o /dev/null "$0"; do :; done' \
            "http://10.0.0.11:9660/$([[ $((i % 2)) == 0 ]] && echo metrics || echo status.json)"
    done
    everyone_is_served "30 clients that ask all the time"
    for i in {1..30}; do
        stop "scrape-$i" || true
    done
}

without_backends() {
    write_config "metrics: {backends: false}" >"$LAB_DIR/lb.yaml"
    expect "metrics: {backends: false} is applied" guideway reload
    expect_equal "then /metrics" 200 "$(get /metrics)"
    expect_equal "has no series of backends" 0 "$(grep -c guideway_backend_ "$LAB_DIR/body" || true)"
    expect_equal "but of services" 2 "$(grep -c '^guideway_service_packets_total{' "$LAB_DIR/body")"
    expect_equal "of verdicts" 1 "$(grep -c '^guideway_packets_total{verdict="forwarded"' "$LAB_DIR/body")"
    expect_equal "and of the flow table" 1 "$(grep -c '^guideway_flow_records_max 262144$' "$LAB_DIR/body")"
    write_config >"$LAB_DIR/lb.yaml"
    expect "and taken back" guideway reload
}

# Of HTTP/1.0 and HEAD, long answers and short ones.
other_clients() {
    expect_equal "HTTP/1.0" 200 "$(on router curl -0 -sS -o "$LAB_DIR/body" -w '%{http_code}' http://10.0.0.11:9660/metrics)"
    expect_equal "is answered whole" 2003 "$(grep -c '^guideway_backend_packets_total{' "$LAB_DIR/body")"
    expect "HEAD" grep -q '200 OK' < <(on router curl -sSI http://10.0.0.11:9660/metrics)
    expect_equal "two requests on a connection" "200 200" \
        "$(on router curl -sS -o "$LAB_DIR/body" -o "$LAB_DIR/body2" -w '%{http_code} ' \
            http://10.0.0.11:9660/status.json http://10.0.0.11:9660/healthz | xargs)"
}

lab_up
start_backends be1 be2 be3
write_config >"$LAB_DIR/lb.yaml"
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be up" is up be1 be2 be3
await "its next hops to be known" eval '[[ $(get /readyz) == 200 ]]'

other_clients
without_backends
loiterers
scrapes
expect "the agent ends with SIGTERM, whoever is connected" stop lb1-agent
