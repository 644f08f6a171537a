# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Accidents after which a balancer cannot see its backends, sees them wrongly, or has nothing to say of them, a row of the
# table each (tests/system/changes.sh). Nobody is dead, so no connection may break, not even one that is silent meanwhile.
# What is taken away stays away for some rounds of probes, by count.
#
# Sourced after tests/system/changes.sh.

# shellcheck disable=SC2034 # tests/system/fleet.sh
fleet_that_probes() {
    health="{check: tcp, interval: 1s, timeout: 900ms, rise: 2, fall: 2, damping: {flaps: 1000}}"
    reset_after=12s
    idle_timeout=8s
}

probed_services=$(wc -w <<<"$FLEET_CLIENTS")

# --- what is seen ----------------------------------------------------------------------------------------------------

# How many probes the balancer has begun, or could not.
probes_of() {
    on "$1" curl -sS http://127.0.0.1:9660/metrics | awk '/^guideway_probes_total/ { sum += $2 } END { print sum + 0 }'
}

has_probed() {
    (($(probes_of "$1") >= $2))
}

# rounds lb1 COUNT: each backend of each service is due that often.
rounds() {
    await "$1 to probe $2 times" has_probed "$1" $(($(probes_of "$1") + $2 * probed_services * ${#weights[@]}))
}

# are up|down BACKEND...: on every balancer that runs, for every service that probes.
are() {
    local names
    names=$(printf '"%s",' "${@:2}")
    everywhere "[.services[].backends[] | select(.health and (.name | IN(${names%,})))] |
        length == $((probed_services * ($# - 1))) and all(.health.state == \"$1\")"
}

all_are_up() {
    are up "${!weights[@]}"
}

is_blind() {
    status "$1" '[.services[] | select(.health) | .health.blind] | all'
}

# --- what this host cannot see ---------------------------------------------------------------------------------------

restore_network_of() {
    {
        echo "address replace $(lab_ipv4 "$1")/24 dev eth0"
        echo "address replace $(lab_ipv6 "$1")/64 dev eth0 nodad"
        echo "route replace default via 10.0.0.1"
        echo "route replace default via 2001:db8:f::1"
    } | ip -n "$1" -batch -
}

interface_away() {
    ip -n lb1 link set eth0 down
    await "lb1 to say that it sees nothing" is_blind lb1
    rounds lb1 3
    ip -n lb1 link set eth0 up
    restore_network_of lb1
    await "all to be seen again" all_are_up
}

carrier_away() {
    ip -n router link set to-lb1 down
    await "lb1 to say that it sees nothing" is_blind lb1
    rounds lb1 3
    ip -n router link set to-lb1 up
    await "all to be seen again" all_are_up
}

# cut_off lb1, reconnect lb1: the fabric forwards nothing from or to it; its carrier stays.
cut_off() {
    local host
    for host; do bridge -n router link set dev "to-$host" state 0; done
}

reconnect() {
    local host
    for host; do bridge -n router link set dev "to-$host" state 3; done
}

# A backend on the link that does not resolve is down; where all are, nobody is dead.
neighbours_away() {
    cut_off lb1
    rounds lb1 4
    reconnect lb1
    await "all to be seen again" all_are_up
}

address_away() {
    ip -n lb1 address delete "$(lab_ipv4 lb1)/24" dev eth0
    rounds lb1 3
    restore_network_of lb1
    await "all to be seen again" all_are_up
}

# Probes go where the route to the VIP leads.
default_route_flaps() {
    local times
    for times in 1 2 3; do
        ip -n lb1 route delete default
        ip -n lb1 -6 route delete default
        await "lb1 to say that it sees nothing" is_blind lb1
        rounds lb1 1
        restore_network_of lb1
        rounds lb1 1
    done
    await "all to be seen again" all_are_up
}

vips_on_lo() {
    local vip
    for vip in $LAB_VIPS; do ip -n lb1 address add "$vip" dev lo; done
    rounds lb1 4
    for vip in $LAB_VIPS; do ip -n lb1 address delete "$vip" dev lo; done
    await "all to be seen again" all_are_up
}

# With it go the filters that wrap probes; be9 is down, and stays so, and nobody else.
qdisc_away() {
    local times
    for times in 1 2 3; do
        tc -n lb1 qdisc delete dev eth0 clsact
        rounds lb1 1
    done
    rounds lb1 3
    expect "who is down is still down, and who is up is up" eval 'are down be9 && are up be1 be2 be3 be4 be5 be6 be7 be8'
}

# --- what looks dead and is not --------------------------------------------------------------------------------------

# For every balancer, until they are judged to be down.
third_hidden() {
    cut_off be1 be2 be3
    await "they are down" are down be1 be2 be3
    reconnect be1 be2 be3
    await "they are up again" are up be1 be2 be3
}

# Too few are up, so that all serve; then enough, while some have still to come back.
out_of_panic() {
    cut_off be1 be2 be3 be4 be5 be6
    await "they are down" are down be1 be2 be3 be4 be5 be6
    expect_soon "too few are up" everywhere '[.services[] | select(.health) | .health.panic] | all'
    reconnect be1 be2 be3
    expect_soon "enough are up" everywhere '[.services[] | select(.health) | .health.panic] | any | not'
    reconnect be4 be5 be6
    await "all are up again" all_are_up
}

# --- of whom there is nothing to say ---------------------------------------------------------------------------------

removed_and_put_back() {
    local weight=${weights[be4]}
    unset 'weights[be4]'
    reload
    await "learning to end" nothing_is_learnt
    weights[be4]=$weight
    reload
    await "it is up again" are up be4
}

# restarted_meanwhile: the agents do not run when the file changes.
restarted_meanwhile() {
    stop lb1-agent KILL || true
    stop lb2-agent KILL || true
    write_config
    run_balancer lb1
    run_balancer lb2
    await "all are up" all_are_up
}

drain_taken_back_at_restart() {
    states["be5"]=drain
    reload
    await "learning to end" nothing_is_learnt
    unset 'states[be5]'
    restarted_meanwhile
}

removal_taken_back_at_restart() {
    local weight=${weights[be6]}
    unset 'weights[be6]'
    reload
    await "learning to end" nothing_is_learnt
    weights[be6]=$weight
    restarted_meanwhile
}

# While a removed backend still has connections.
renamed_and_back() {
    local weight=${weights[be7]}
    unset 'weights[be7]'
    reload
    renamed=([moves]=other [always]=another [never]=third)
    reload
    await "learning to end" nothing_is_learnt
    expect "the new names are served" everywhere '[.services[].name] | contains(["other", "another", "third"])'
    renamed=()
    weights[be7]=$weight
    reload
    await "it is up again" are up be7
}

# --- all of it -------------------------------------------------------------------------------------------------------

rows_of_the_unseen() {
    row "a balancer's interface away" accident interface_away
    row "its carrier away" accident carrier_away
    row "all its neighbours away" accident neighbours_away
    row "its address away" accident address_away
    row "its default route flapping" accident default_route_flaps
    row "the VIPs on its own lo" accident vips_on_lo
    row "a third of the backends hidden" accident third_hidden
    row "panic, and out of it one by one" accident out_of_panic
    row "a backend removed and put back" accident removed_and_put_back
    row "restarted, a drain taken back meanwhile" accident drain_taken_back_at_restart
    row "restarted, a removal taken back meanwhile" accident removal_taken_back_at_restart
    row "services renamed, and back" accident renamed_and_back
    each end_connections
    kill_server be9
    await "be9 is down" are down be9
    # shellcheck disable=SC2154 # tests/system/fleet.sh
    hold_connections "$connections_wanted" "${connection_options[@]}"
    row "the qdisc that wraps probes removed" accident qdisc_away
}
