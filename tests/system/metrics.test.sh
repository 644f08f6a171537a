#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# What the agents serve over HTTP, and a Prometheus that scrapes two of them.
#
#     client --- router === lb1, lb2 ---> be1, be2, be3
#                  |
#                  Prometheus, on 127.0.0.1:9090
set -euo pipefail
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
command -v prometheus promtool >/dev/null || fail "this needs Prometheus and promtool (scripts/setup)"
lab_enter "$@"

# write_config lb1 [BACKEND_OF_NOWHERE]: with a service that nobody is there to serve, or without.
write_config() {
    echo "http: $(lab_ipv4 "$1"):9660"
    cat configs/demo.yaml
    [[ -n ${2-} ]] || return 0
    cat <<-END
	  - name: nowhere
	    listen: ["192.0.2.10:9999/udp"]
	    backends: [$2]
	END
}

# get lb1 PATH: "STATUS CONTENT-TYPE", and the body in $LAB_DIR/body.
get() {
    on router curl -sS --max-time 5 -o "$LAB_DIR/body" -w '%{http_code} %{content_type}' \
        "http://$(lab_ipv4 "$1"):9660$2"
}

# metric lb1 NAME{LABELS}: its value.
metric() {
    get "$1" /metrics >/dev/null
    awk -v wanted="$2" '$1 == wanted { print $2; found = 1 } END { exit !found }' "$LAB_DIR/body"
}

# query EXPRESSION: what Prometheus answers, as "INSTANCE VALUE" lines in order.
query() {
    on router curl -sS --max-time 5 --get --data-urlencode "query=$1" http://127.0.0.1:9090/api/v1/query |
        jq -r '.data.result[] | "\(.metric.instance) \(.value[1])"' | sort
}

ups_are() {
    [[ $(query up) == "$(lab_ipv4 lb1):9660 $1"$'\n'"$(lab_ipv4 lb2):9660 $2" ]]
}

# counted SERVICE PACKETS: by Prometheus what each agent counts, and by both together that many.
counted() {
    local lb1 lb2
    lb1=$(service_packets lb1 "$1")
    lb2=$(service_packets lb2 "$1")
    ((lb1 > 0 && lb2 > 0 && lb1 + lb2 == $2)) &&
        [[ $(query "guideway_service_packets_total{service=\"$1\"}") == \
        "$(lab_ipv4 lb1):9660 $lb1"$'\n'"$(lab_ipv4 lb2):9660 $lb2" ]]
}

reload() {
    on "$1" "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of "$1")"
}

start_prometheus() {
    cat >"$LAB_DIR/prometheus.yaml" <<-END
	global: {scrape_interval: 200ms, scrape_timeout: 200ms}
	scrape_configs:
	  - job_name: guideway
	    static_configs:
	      - targets: ["$(lab_ipv4 lb1):9660", "$(lab_ipv4 lb2):9660"]
	END
    expect "promtool likes Prometheus's configuration" promtool check config "$LAB_DIR/prometheus.yaml"
    start prometheus router prometheus --config.file="$LAB_DIR/prometheus.yaml" --log.level=warn \
        --storage.tsdb.path="$LAB_DIR/prometheus" --web.listen-address=127.0.0.1:9090
}

lab_up
start_backends be1 be2 be3
for balancer in lb1 lb2; do
    write_config "$balancer" >"$LAB_DIR/$balancer.yaml"
    start_agent "$balancer" "$LAB_DIR/$balancer.yaml"
done
for balancer in lb1 lb2; do
    await "$balancer to be ready" agent_ready "$balancer"
done
expect_equal "400 datagrams answered" 400 "$(udp_requests 192.0.2.10 400 | wc -l)"
expect_equal "20 HTTP requests answered" 20 "$(http_requests 192.0.2.10 20 10001 | wc -l)"

# The datapath is proved once a second.
is_ready() {
    [[ $(get "$1" /readyz) == "200 text/plain; charset=utf-8" ]]
}

for balancer in lb1 lb2; do
    await "$balancer to have counted all that" up_to_date "$balancer"
    expect_equal "$balancer: /healthz" "200 text/plain; charset=utf-8" "$(get "$balancer" /healthz)"
    expect_soon "$balancer: /readyz" is_ready "$balancer"
    expect_equal "$balancer: /status.json" "200 application/json" "$(get "$balancer" /status.json)"
    expect_equal "$balancer: it is the status" "$(status "$balancer" 'del(.at, .verdicts)')" "$(jq 'del(.at, .verdicts)' "$LAB_DIR/body")"
    expect_equal "$balancer: no such page" "404 text/plain; charset=utf-8" "$(get "$balancer" /reload)"
    expect_equal "$balancer: /metrics" "200 text/plain; version=0.0.4; charset=utf-8" "$(get "$balancer" /metrics)"
    promtool check metrics <"$LAB_DIR/body" || fail "promtool finds fault with the metrics of $balancer"
    echo "ok: $balancer: promtool finds no fault with its metrics"
    for name in guideway_build_info guideway_packets_total guideway_service_packets_total guideway_backend_packets_total; do
        expect "$balancer: $name is described" grep -q "^# HELP $name " "$LAB_DIR/body"
    done
    expect_equal "$balancer: the service's packets, as in the status" "$(service_packets "$balancer" echo)" \
        "$(metric "$balancer" 'guideway_service_packets_total{service="echo"}')"
    expect_equal "$balancer: forwarded packets, as in the status" "$(verdict_packets "$balancer" forwarded)" \
        "$(metric "$balancer" 'guideway_packets_total{verdict="forwarded",action="tx"}')"
done

# metric_is lb1 NAME{LABELS} VALUE
metric_is() {
    [[ $(metric "$1" "$2") == "$3" ]]
}

# With backends in a status of a moment ago.
shows_no_backends() {
    get lb1 /status.json >/dev/null
    get lb1 /metrics >/dev/null
    grep -q '^guideway_service_packets_total{' "$LAB_DIR/body" && ! grep -q '^guideway_backend_' "$LAB_DIR/body"
}

eth0='{interface="eth0"}'
expect "a backend's name is beside its address" \
    metric_is lb1 'guideway_backend_info{service="web",backend="10.0.0.102",name="be2"}' 1
expect "the program runs in the driver" metric_is lb1 "guideway_interface_native$eth0" 1
expect "the MTU is the interface's" metric_is lb1 "guideway_interface_mtu_bytes$eth0" 1600
expect "six backends take room for at least six" test "$(metric lb1 'guideway_map_entries{map="backends"}')" -ge 6
expect_equal "services, and room for them" "2 128" \
    "$(metric lb1 'guideway_map_entries{map="services"}') $(metric lb1 'guideway_map_entries_max{map="services"}')"
expect_equal "listeners, and the VIPs that they are of" 6 "$(metric lb1 'guideway_map_entries{map="listeners"}')"
expect_equal "digests as numbers are the same on both" \
    "$(metric lb1 'guideway_service_table_digest{service="web"}') $(metric lb1 guideway_config_fingerprint)" \
    "$(metric lb2 'guideway_service_table_digest{service="web"}') $(metric lb2 guideway_config_fingerprint)"
expect_equal "and the first 48 bits of the digest" \
    "$((16#$(status lb1 '.services[] | select(.name == "web").digest[0:12]')))" \
    "$(metric lb1 'guideway_service_table_digest{service="web"}')"
expect_equal "the agent's descriptors are counted" "$(prlimit --pid "$(pid_of lb1-agent)" --nofile --noheadings --raw --output SOFT)" \
    "$(metric lb1 process_max_fds)"
expect_more "of which some are open" 10 "$(metric lb1 process_open_fds)"
expect_more "its memory is" 1000000 "$(metric lb1 process_resident_memory_bytes)"
expect "the link is up" metric_is lb1 "guideway_interface_link_up$eth0" 1
link_of_lb1() {
    on lb1 curl -sS --max-time 5 "http://$(lab_ipv4 lb1):9660/metrics" | grep -qxF "guideway_interface_link_up$eth0 $1"
}
ip -n router link set to-lb1 down
expect_soon "a link that is away is seen" link_of_lb1 0
ip -n router link set to-lb1 up
expect_soon "as is one that is back" link_of_lb1 1
await "lb1 to be ready again" is_ready lb1
sed -i '/^metrics:/d; 1i metrics: {backends: false}' "$LAB_DIR/lb1.yaml"
expect "lb1 takes metrics: {backends: false}" reload lb1
expect "then backends have no series, whatever a status has just shown" shows_no_backends
sed -i '/^metrics:/d' "$LAB_DIR/lb1.yaml"
expect "and they have again without it" eval 'reload lb1 && metric lb1 "guideway_backend_info{service=\"web\",backend=\"10.0.0.102\",name=\"be2\"}"'

write_config lb1 10.0.0.99 >"$LAB_DIR/lb1.yaml"
expect "a reload with a service that cannot work is applied" reload lb1
expect_equal "then lb1 is not ready" "503 text/plain; charset=utf-8" "$(get lb1 /readyz)"
expect "and says why" grep -q "'nowhere'" "$LAB_DIR/body"
expect_equal "though it is alive" "200 text/plain; charset=utf-8" "$(get lb1 /healthz)"
write_config lb1 >"$LAB_DIR/lb1.yaml"
expect "a reload without it is applied" reload lb1
expect_equal "lb1 is ready again" "200 text/plain; charset=utf-8" "$(get lb1 /readyz)"

start_prometheus
expect_soon "Prometheus sees both agents" ups_are 1 1
expect_soon "it has counted the 400 datagrams, each agent's as the agent does" counted echo 400
expect_equal "400 more datagrams answered" 400 "$(udp_requests 192.0.2.10 400 --first-source-port 31000 | wc -l)"
expect_soon "it has counted them, too" counted echo 800
stop lb2-agent || fail "the agent ended with status $? on SIGTERM"
expect_soon "an agent that is gone is seen" ups_are 1 0
