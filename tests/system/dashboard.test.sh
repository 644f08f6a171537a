#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Every query of the Grafana dashboard has an answer, by a Prometheus that scrapes two agents and three backend hosts: in
# a fleet of which all is well all but those that tell of faults, which have one when there is the fault.
#
#     client --- router (BIRD, Prometheus on 127.0.0.1:9090) === lb1, lb2 ---> be1, be2, be3
set -euo pipefail
LAB_TIMEOUT=60
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
command -v prometheus promtool >/dev/null || {
    echo "skipped: this needs Prometheus and promtool (scripts/setup)"
    exit 77
}
lab_enter "$@"

dashboard=configs/grafana/guideway.json
QUIET="Dropped
What is broken
What keeps sessions down
Without a next hop"

write_config() {
    bgp_config "$1" | sed '/^services:/d'
    cat <<-END
	http: $(lab_ipv4 "$1"):9660
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp", "[2001:db8:1::10]:80/tcp"]
	    health: {check: tcp, interval: 400ms, timeout: 350ms, rise: 2, fall: 2}
	    backends: [{name: be1, address: 10.0.0.101}, {name: be2, address: 10.0.0.102}, {name: be3, address: 10.0.0.103}]
	END
}

start_prometheus() {
    local host
    cp configs/prometheus/alerts.yaml "$LAB_DIR/alerts.yaml"
    {
        cat <<-END
			global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}
			rule_files: [alerts.yaml]
			scrape_configs:
			  - job_name: guideway
			    static_configs: [{targets: ["$(lab_ipv4 lb1):9660", "$(lab_ipv4 lb2):9660"]}]
			  - job_name: guideway-backend
			    static_configs:
		END
        for host in $(lab_backends); do
            echo "      - {targets: ['$(lab_ipv4 "$host"):9661']}"
        done
    } >"$LAB_DIR/prometheus.yaml"
    start prometheus router prometheus --config.file="$LAB_DIR/prometheus.yaml" --log.level=warn \
        --storage.tsdb.path="$LAB_DIR/prometheus" --web.listen-address=127.0.0.1:9090
}

empty_panels() {
    on router tests/prometheus/dashboard.py empty "$dashboard" http://127.0.0.1:9090
}

empty_are() {
    empty_panels >"$LAB_DIR/empty" 2>&1 && [[ $(LC_ALL=C sort "$LAB_DIR/empty") == "$1" ]]
}

# alarmed ALERT: to Prometheus it is pending or firing.
alarmed() {
    on router curl -sS --get --data-urlencode "query=ALERTS{alertname=\"$1\"}" http://127.0.0.1:9090/api/v1/query |
        jq -e '.data.result | length > 0'
}

lab_up
remove_static_routes
start_router bird
for backend in $(lab_backends); do
    start_backend "$backend" --http "$(lab_ipv4 "$backend"):9661"
    start_app "$backend"
done
for backend in $(lab_backends); do
    await "$backend to unwrap" unwraps "$backend"
    await "$backend to serve" serves "$backend"
done
for balancer in lb1 lb2; do
    write_config "$balancer" >"$LAB_DIR/$balancer.yaml"
    start_agent "$balancer" "$LAB_DIR/$balancer.yaml"
done
for balancer in lb1 lb2; do
    await "$balancer to be ready" agent_ready "$balancer"
done
await "both to be announced" goes_via "lb1 lb2"
start_prometheus
trap 'cat "$LAB_DIR/empty" >&2' EXIT # the panels that got nothing at last
expect_soon "of a quiet fleet all panels have an answer but those about faults" empty_are "$QUIET"
expect "no alert is on its way" eval '! alarmed GuidewayBackendDown && ! alarmed GuidewayBgpSessionDown'

stop be1-app || true
ip -n be3 link set eth0 down
stop_router
start_router bird 's/as 64600/as 64601/'
start knocking client "$LAB_ROOT/tests/system/udp_echo.py" 192.0.2.10 100000 --port 4242 --timeout 0.1
ip -n router route replace 192.0.2.10 nexthop via 10.0.0.11 nexthop via 10.0.0.12
expect_soon "with an application, a next hop and sessions gone, and packets dropped, all have one" empty_are ""
expect_soon "alert rules see the backend" alarmed GuidewayBackendDown
expect_soon "and the sessions" alarmed GuidewayBgpSessionDown
trap - EXIT
