# shellcheck shell=bash source-path=SCRIPTDIR
# SPDX-License-Identifier: Apache-2.0
#
# Two balancers that announce their VIPs, under connections, and accidents that none of these may notice. Sourced by
# tests and soaks after guideway.sh, router.sh and connections.sh:
#
#     client --- router (BIRD) === BGP === lb1, lb2 ---> be1, be2, be3        lb1, be1: what happens happens to them
#
#   accidents_up 300 --churn 5
#   accident "its link's pin is removed" remove_link_pin is_pinned     what happens, and how one sees that it is over

accident_rows=()

# --- the fleet -------------------------------------------------------------------------------------------------------

# balancer_config lb1 [INTERFACE...]: one service for what is held, with more by other names if $more_services says so.
balancer_config() {
    local interfaces=${*:2}
    bgp_config "$1" | sed "s/^interfaces:.*/interfaces: [${interfaces:-eth0}]/; /^services:/d"
    cat <<-END
	http: 127.0.0.1:9660
	services:
	  - name: held
	    listen: ["192.0.2.10:9100/tcp", "[2001:db8:1::10]:9100/tcp"]
	    idle_timeout: 5s
	    allow: [0.0.0.0/1, 128.0.0.0/1, "2000::/3"]
	    health: {check: tcp, interval: 500ms, timeout: 500ms, fall: 6}
	    backends:
	      - {name: be1, address: 10.0.0.101}
	      - {name: be2, address: 10.0.0.102}
	      - {name: be3, address: 10.0.0.103}
	END
    echo "${more_services-}"
}

guideway() {
    on "$1" timeout 60 "$GUIDEWAY" "${@:2}" --runtime-dir "$(runtime_dir_of "$1")"
}

run_agent() {
    start_agent "$1" "$LAB_DIR/$1.yaml"
    await "$1 to be ready" agent_ready "$1"
}

# restart_agent lb1: killed, and started again; until its routes are back.
restart_agent() {
    stop "$1-agent" KILL || true
    run_agent "$1"
    await "$1 to be announced again" goes_via "$(lab_balancers | paste -sd ' ')"
}

# accidents_up COUNT [OPTION...]: that many connections are held.
accidents_up() {
    local balancer backend
    lab_up
    remove_static_routes
    start_router bird
    for backend in $(lab_backends); do
        start_backend "$backend"
    done
    start_servers
    for balancer in $(lab_balancers); do
        balancer_config "$balancer" >"$LAB_DIR/$balancer.yaml"
        run_agent "$balancer"
    done
    took "both balancers are announced" goes_via "$(lab_balancers | paste -sd ' ')"
    start route-watch router ip monitor route
    start_connections "$@"
    await_established
}

# --- accidents -------------------------------------------------------------------------------------------------------

# What the router's routes to the VIPs have become since the monitor began, a line for each change.
route_changes() {
    grep -cE '192\.0\.2\.|2001:db8:1:' "$(log_of route-watch)" || true
}

# accident "what" HAPPENS... [-- OVER...]: something happens; when it is over, no connection has broken and no route changed.
accident() {
    local what=$1 happens=() routes
    shift
    while (($#)) && [[ $1 != -- ]]; do
        happens+=("$1")
        shift
    done
    [[ ${1-} != -- ]] || shift
    phase "$what"
    routes=$(route_changes)
    "${happens[@]}"
    ((!$#)) || await "$what: it is over" "$@"
    checkpoint
    expect_none_broken "$what"
    expect_equal "$what: no route changes" "$routes" "$(route_changes)"
    accident_rows+=("$what|$(ask report | jq .live)|$(broken)|$(($(route_changes) - routes))")
}

print_accidents() {
    echo
    echo "| accident | connections held | broken | route changes |"
    echo "|---|---|---|---|"
    printf '%s\n' "${accident_rows[@]}" | sed 's/|/ | /g; s/^/| /; s/$/ |/'
    echo
}

# said lb1 PATTERN: in its log.
said() {
    grep -qE "$2" "$(log_of "$1-agent")"
}

# --- what is taken away ----------------------------------------------------------------------------------------------

link_pin() {
    echo "$(pins_of "$1")/link-${2-eth0}"
}

has_link_pin() {
    bpftool link show pinned "$(link_pin "$@")"
}

# As root may, by mistake or with another's tool.
detach_link() {
    bpftool link detach pinned "$(link_pin "$1")"
}

attached() {
    status "$1" '.interfaces | all(.attached)' && status "$1" '.agent.fault == null'
}

# lb1's interface: another name, and the first one again.
rename_interface() {
    ip -n "$1" link set "$2" name "$3"
}

follows() {
    said "$1" "$2 is called $3 now" && attached "$1"
}

attached_anew() {
    [[ $(link_id lb1) != "$1" ]] && xdp_attached lb1 && attached lb1
}

answers() {
    [[ -S $(runtime_dir_of lb1)/control.sock ]] && status lb1 '.agent.process > 0'
}

zero_service() {
    local map zeros
    map=$(pins_of lb1)/services
    mapfile -t zeros < <(yes 0 | head -n "$(bpftool -j map show pinned "$map" | jq .bytes_value)")
    bpftool map update pinned "$map" key 1 0 0 0 value "${zeros[@]}"
}
