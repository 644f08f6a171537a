# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Two balancers and ten backends under connections, and what operators and accidents do to them. Sourced after
# tests/system/connections.sh, by tests that set LAB_BALANCERS=2, LAB_BACKENDS=10 and LAB_VIPS=$FLEET_VIPS.
#
#                                  +-- be1 to be9
#     client --- router --- lb1, lb2
#                                  +-- be10, which unwraps and serves from the start, but is not configured
#
# Four services differ in their tracking alone, so that whatever is done to the fleet is done to all of them. Each has a
# client that holds connections to it, of the same name:
#
#     moves           192.0.2.10, 2001:db8:1::10
#     always          192.0.2.11
#     never           192.0.2.12
#     second_chance   192.0.2.13, 2001:db8:1::13

declare -A weights=()          # of the backends that are configured
declare -A standings=()        # of those that were drained or disabled by hand
running_balancers=()           # their agents run, and the router leads to them
idle_timeout=3s                # no connection is silent for as long as that
slow_start=0s
max_flows=262144
health=                        # how the three services probe their backends; empty: they do not
reset_after=5s
declare -A states=()           # of backends, as configured
declare -A renamed=()          # services that have another name, by the client's
config_round=0
declare -A client_vips=([moves]="192.0.2.10 2001:db8:1::10" [always]=192.0.2.11 [never]=192.0.2.12
    [second_chance]="192.0.2.13 2001:db8:1::13")
FLEET_CLIENTS="moves always never second_chance"

# --- configuration ---------------------------------------------------------------------------------------------------

config_file_of() {
    echo "$LAB_DIR/$1.yaml"
}

# write_config [BALANCER...]: the files of these balancers, or of all. By one rename: the agents watch them.
write_config() {
    local backends balancer text balancers=("$@")
    (($#)) || mapfile -t balancers < <(lab_balancers)
    backends=$(config_of_backends)
    text=$(config_text)
    for balancer in "${balancers[@]}"; do
        echo "$text" >"$(config_file_of "$balancer").new"
        mv "$(config_file_of "$balancer").new" "$(config_file_of "$balancer")"
    done
}

config_text() {
    cat <<-END
		interfaces: [eth0]
		hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
		http: 0.0.0.0:9660
		peers: [$(lab_ipv4 lb1):9660, $(lab_ipv4 lb2):9660]
		datapath: {max_flows: $max_flows, max_hops: ${max_hops:-8}}
		services:
		$(config_of_service moves 192.0.2.10:9100/tcp "[2001:db8:1::10]:9100/tcp")
		$(config_of_service always 192.0.2.11:9100/tcp)
		$(config_of_service never 192.0.2.12:9100/tcp)
		$(config_of_service second_chance 192.0.2.13:9100/tcp "[2001:db8:1::13]:9100/tcp")
		  - name: numbered
		    listen: ["192.0.2.10:9000/udp", "[2001:db8:1::10]:9000/udp", "192.0.2.11:9000/udp", "192.0.2.12:9000/udp",
		             "192.0.2.13:9000/udp", "[2001:db8:1::13]:9000/udp"]
		    backends:
		$backends
		  - {name: round, listen: ["192.0.2.10:$((1000 + config_round))/udp"], backends: [10.0.0.101]}
	END
}

# config_of_service NAME LISTENER...
config_of_service() {
    local listeners
    listeners=$(printf '"%s", ' "${@:2}")
    cat <<-END
		  - name: ${renamed[$1]-$1}
		    listen: [${listeners%, }]
		    tracking: $1
		    idle_timeout: $idle_timeout
		    slow_start: $slow_start
		    reset_after: $reset_after
		    ${health:+health: $health}
		    backends:
		$backends
	END
}

config_of_backends() {
    local backend
    for backend in $(lab_backends); do
        [[ ! -v weights[$backend] ]] ||
            echo "      - {name: $backend, address: $(lab_ipv4 "$backend"), weight: ${weights[$backend]}," \
                "state: ${states[$backend]-up}}"
    done
}

# Until the balancers that run have the configuration.
reload() {
    local balancer
    write_config
    for balancer in "${running_balancers[@]}"; do
        on "$balancer" "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of "$balancer")" >/dev/null ||
            fail "$balancer refuses the configuration"
    done
}

# order drain|undrain|disable|enable BACKEND: to all balancers that run.
order() {
    local balancer
    case $1 in
    drain | disable) standings[$2]=$1 ;;
    *) unset "standings[$2]" ;;
    esac
    for balancer in "${running_balancers[@]}"; do
        on "$balancer" "$GUIDEWAY" "$1" "$2" --runtime-dir "$(runtime_dir_of "$balancer")" >/dev/null ||
            fail "$balancer refuses to $1 $2"
    done
}

# --- balancers -------------------------------------------------------------------------------------------------------

# run_balancer lb1: its agent, until it is ready.
run_balancer() {
    start_agent "$1" "$(config_file_of "$1")"
    await "$1 to be ready" agent_ready "$1"
}

# restart_balancer lb1 SIGNAL
restart_balancer() {
    stop "$1-agent" "$2" || true
    run_balancer "$1"
}

# kill_balancer lb1: its agent and its program are gone; the router notices a moment later.
kill_balancer() {
    stop "$1-agent" KILL || true
    bpftool link detach pinned "$(pins_of "$1")/link-eth0"
    await "$1 to have no program" xdp_detached "$1"
    mapfile -t running_balancers < <(printf '%s\n' "${running_balancers[@]}" | grep -vx "$1")
    lab_route_via "${running_balancers[@]}"
}

# bring_back lb1: from a reboot, with nothing but its configuration and what operators say again.
bring_back() {
    local backend verb
    rm -r "$(pins_of "$1")"
    run_balancer "$1"
    running_balancers=("$1")
    for backend in "${!weights[@]}"; do
        for verb in undrain enable ${standings[$backend]-}; do
            on "$1" "$GUIDEWAY" "$verb" "$backend" --runtime-dir "$(runtime_dir_of "$1")" >/dev/null
        done
    done
    mapfile -t running_balancers < <(lab_balancers)
    lab_route_via "${running_balancers[@]}"
}

# Whether the balancers that run satisfy jq's FILTER.
everywhere() {
    local balancer
    for balancer in "${running_balancers[@]}"; do
        status "$balancer" "$1" || return 1
    done
}

# No flow is waited for to show itself. Slots whose flows live on elsewhere are tracked until these end.
nothing_is_learnt() {
    everywhere '[.services[].slots_by_state.learning] | add == 0'
}

all_is_settled() {
    everywhere '[.services[].slots_by_state | .learning + .tracking] | add == 0'
}

is_fully_up() {
    everywhere "[.services[].backends[] | select(.name == \"$1\").state] | all(. == \"up\")"
}

# --- all of it -------------------------------------------------------------------------------------------------------

fleet_up() {
    local host
    lab_up
    for host in $(lab_backends); do
        start_backend "$host"
    done
    for host in $(lab_backends); do
        await "$host to unwrap" unwraps "$host"
    done
    start_servers
    for host in $(seq -f 'be%.0f' $((LAB_BACKENDS - 1))); do
        weights[$host]=100
    done
    start_balancers
}

start_balancers() {
    local balancer
    mapfile -t running_balancers < <(lab_balancers)
    write_config
    for balancer in "${running_balancers[@]}"; do
        start_agent "$balancer" "$(config_file_of "$balancer")"
    done
    for balancer in "${running_balancers[@]}"; do
        await "$balancer to be ready" agent_ready "$balancer"
    done
}

# each COMMAND...: for the connections of every client.
each() {
    local client
    for client in $FLEET_CLIENTS; do
        of "$client" "$@"
    done
}

# hold_connections COUNT [OPTION...]: so many of moves and second_chance, a quarter of that of the others each.
hold_connections() {
    connections_wanted=$1
    connection_options=("${@:2}")
    start_client moves
    start_client always
    start_client never
    start_client second_chance
    each await_established
}

# start_client moves|always|never|second_chance
start_client() {
    local count=$connections_wanted
    [[ $1 == moves || $1 == second_chance ]] || count=$((count / 4))
    held_vips=${client_vips[$1]} of "$1" start_connections "$count" "${connection_options[@]}"
}

# Other connections, which may lie in any slot: those that have lived through a change do not lie in slots that moved.
replace_untracked_connections() {
    of never end_connections
    start_client never
    of never await_established
}

# Until no slot moves and no record is left.
let_go_of_connections() {
    each end_connections
    await "all slots to be settled" all_is_settled
}
