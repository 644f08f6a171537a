# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# What may happen to a fleet under connections, a row of the table each. Sourced after tests/system/fleet.sh.
#
#   row "weight doubled" moving weight_doubled       changes the fleet, sees which connections break, adds to the table
#   print_table
#
# A row is over when no slot is learning any more: only then do flows break that ought to have been recorded.

# shellcheck disable=SC2034,SC2154 # weights: tests/system/fleet.sh
table=()           # the rows so far
fresh_connections=() # COUNT [OPTION...]: these are held anew before each row, in a settled fleet
under_flood=       # seconds: for so long, rows happen under a SYN flood at the first VIP
share=             # of the last row's packets, how many looked a record up

# row NAME KIND CHANGE...: what KIND of change it is tells what must break:
#   still          no slot moves: nothing, whatever the tracking
#   moving         slots move: nothing, but without tracking some connections
#   accident       slots may move: nothing, and without tracking some connections or none
#   killing BE     a backend dies: some of its connections, no others
#   both           slots move while balancers come and go: nothing with second chance; what the others lose is told
row() {
    local name=$1 kind=$2 allowed=0 before
    shift 2
    if [[ $kind == killing ]]; then
        allowed="of $1"
        kind="killing $1"
        shift
    fi
    ((${#fresh_connections[@]} == 0)) || hold_anew "${fresh_connections[@]}"
    each phase "$name"
    mapfile -t before < <(lookups_and_packets)
    [[ -z $under_flood ]] || start_flood --seconds "$under_flood"
    "$@"
    each checkpoint
    [[ -z $under_flood ]] || end_flood
    await "$name: learning to end" nothing_is_learnt
    share=$(share_since "${before[@]}")
    each checkpoint
    table+=("$name|$(held_connections)|$(of moves broken)|$allowed|$share|$(of always broken)|$(of never broken)|$(of second_chance broken)")
    judge "$name" "$kind"
    of moves reopen
    of always reopen
    of second_chance reopen
    replace_untracked_connections
}

# Of those that broke, what helps to find out why: a silence longer than idle_timeout is the load's fault.
explain() {
    local source backend kind silence vip balancer
    of moves ask report | jq -r --arg phase "$current_phase" '
        [.breakages[] | select(.phase == $phase and .source)][:10][]
        | "\(.source) \(.backend) \(.kind) \(.longest_silence)"' |
        while read -r source backend kind silence; do
            vip=192.0.2.10
            [[ $source != "["* ]] || vip="[2001:db8:1::10]"
            echo "$kind $source of $backend, silent for $silence s at the most:" \
                "$(on lb1 "$GUIDEWAY" trace "$source -> $vip:$CONNECTIONS_PORT/tcp" \
                    --runtime-dir "$(runtime_dir_of lb1)" </dev/null 2>&1 | xargs)"
        done
    for balancer in "${running_balancers[@]}"; do
        status "$balancer" '.services[] | select(.name == "moves") | {slots_by_state, refused_records}'
    done
}

# judge NAME KIND
judge() {
    [[ $2 == killing* || $(of moves broken) == 0 ]] || explain
    case $2 in
    still) each expect_none_broken "$1" ;;
    moving)
        of moves expect_none_broken "$1"
        of always expect_none_broken "$1, tracking always"
        of never expect_some_broken "$1, tracking never"
        of second_chance expect_none_broken "$1, second chance"
        ;;
    accident)
        of moves expect_none_broken "$1"
        of always expect_none_broken "$1, tracking always"
        of second_chance expect_none_broken "$1, second chance"
        ;;
    both) of second_chance expect_none_broken "$1, second chance" ;;
    killing*) each expect_only_of "${2#killing }" ;;
    esac
    echo "    $share % of the packets looked a record up; broken without tracking: $(of never broken)"
}

# Meanwhile connections have to get through.
end_flood() {
    while running flood; do
        each checkpoint
    done
    stop_flood
}

held_connections() {
    of moves ask report | jq .live
}

# "BALANCER LOOKUPS PACKETS", a line each, of the service `moves` since the maps were made.
lookups_and_packets() {
    local balancer
    for balancer in "${running_balancers[@]}"; do
        in_kernel "$balancer" ".services[] | select(.name == \"moves\") | \"$balancer \(.flow_lookups) \(.packets)\""
    done
}

# share_since LINE...: the percentage of packets since then that looked a record up. A balancer that was rebooted counts
# from zero.
share_since() {
    { printf '%s\n' "$@" && lookups_and_packets; } | awk '
        $1 in packets && $3 >= packets[$1] { looked_up += $2 - lookups[$1]; all += $3 - packets[$1]; delete packets[$1]; next }
        $1 in packets { looked_up += $2; all += $3; delete packets[$1]; next }
        { lookups[$1] = $2; packets[$1] = $3 }
        END { printf "%.2f", all ? 100 * looked_up / all : 0 }'
}

hold_anew() {
    [[ ! -v lab_pids[moves] ]] || let_go_of_connections
    hold_connections "$@"
}

print_table() {
    echo
    echo "| event | connections held | broken | allowed | packets that looked a record up | broken, tracking: always | broken, tracking: never | broken, tracking: second_chance |"
    echo "|---|---|---|---|---|---|---|---|"
    printf '%s\n' "${table[@]}" | sed 's/|/ | /g; s/^/| /; s/$/ |/'
    echo
}

# --- what happens ----------------------------------------------------------------------------------------------------

nothing() {
    :
}

backend_added() {
    weights[be10]=100
    reload
}

backend_removed() {
    unset 'weights[be10]'
    reload
}

weight_doubled() {
    weights[be3]=200
    reload
}

weight_halved() {
    weights[be3]=100
    reload
}

backend_drained() {
    order drain be2
}

backend_undrained() {
    order undrain be2
}

# Several times: without tracking it breaks only what sends in between.
drained_and_undrained() {
    local times
    for times in 1 2 3 4 5; do
        order drain be4
        order undrain be4
    done
}

# The slots that be3 gave up move on when those who took them are drained in turn.
moved_twice() {
    order drain be3
    order drain be5
    order drain be6
    order drain be7
}

# The slots that be3 gave up twice return to it.
moved_three_times() {
    moved_twice
    order undrain be3
}

# (In the same window as its end.)
undrained_again() {
    local backend
    for backend in be3 be5 be6 be7; do
        [[ ! -v standings[$backend] ]] || order undrain "$backend"
    done
}

# What failed checks will do, is done by hand.
backend_killed() {
    kill_server be8
    order disable be8
}

# Meanwhile flows have begun on those who stand in for it.
backend_returned() {
    order enable be8
    await "be8 to have its share" is_fully_up be8
}

balancer_killed() {
    kill_balancer lb1
}

balancer_returned() {
    bring_back lb1
}

# Under numbered datagrams: none is lost.
agents_restarted() {
    start_numbered 9000
    restart_balancer lb1 KILL
    restart_balancer lb2 KILL
    finish_numbered
    expect "agents killed and restarted: no datagram is lost, none duplicated" clean
}

agents_upgraded() {
    local balancer before
    start_numbered 9000
    for balancer in lb1 lb2; do
        before=$(program_tag "$balancer")
        GUIDEWAY=$GUIDEWAY_UPGRADED restart_balancer "$balancer" TERM
        [[ $(program_tag "$balancer") != "$before" ]] || fail "$balancer still has the program with the tag $before"
    done
    finish_numbered
    expect "agents upgraded: no datagram is lost, none duplicated" clean
}

reloaded_50_times() {
    local last=$((config_round + 50))
    start_numbered 9000
    while ((config_round < last)); do
        config_round=$((config_round + 1))
        reload
    done
    finish_numbered
    expect "50 reloads: no datagram is lost, none duplicated" clean
}

# Routers that spread flows anew each second, for so many seconds: by one balancer, then by the other, then by both.
spread_anew() {
    local seconds=$1 time
    for ((time = 0; time < seconds; time++)); do
        lab_route_via "${running_balancers[time % ${#running_balancers[@]}]}"
        each checkpoint
    done
    lab_route_via "${running_balancers[@]}"
}

backend_added_while_a_balancer_is_killed() {
    write_config
    kill_balancer lb1
    backend_added
    each checkpoint
    bring_back lb1
    spread_anew 6
}

# lb1 comes back with empty maps, and with nothing on disk: peers tell it whose flows there are.
backend_drained_while_a_balancer_is_added() {
    kill_balancer lb1
    rm -rf "$(runtime_dir_of lb1)"
    order drain be2
    each checkpoint
    bring_back lb1
    spread_anew 6
}

# The other one applies the file 5 s later.
weight_changed_on_one_balancer_first() {
    weights[be3]=300
    write_config lb1
    spread_anew 5
    reload
    spread_anew 4
}

# Nothing is sent for an idle timeout: records that would be needed are not made.
moved_while_silent() {
    weights[be5]=300
    reload
    await "learning to end" nothing_is_learnt
}

rows_of_both() {
    local all=("$connections_wanted" "${connection_options[@]}")
    hold_anew "$connections_wanted" --idle-every 60000 --request-every 60000 --churn 0 --timeout 100000
    row "slots moved while flows are silent for idle_timeout" both moved_while_silent
    weights[be5]=100
    hold_anew "${all[@]}"
    row "a backend added while a balancer is killed" both backend_added_while_a_balancer_is_killed
    row "a backend drained while a balancer is added" both backend_drained_while_a_balancer_is_added
    row "the file applied by one balancer 5 s later" both weight_changed_on_one_balancer_first
    order undrain be2
    unset 'weights[be10]'
    weights[be3]=100
    reload
}

# --- all of it -------------------------------------------------------------------------------------------------------

# In a settled fleet all balancers agree; nothing that happens to one of them matters.
rows_of_balancers() {
    row "nothing" still nothing
    expect_equal "a quiet fleet looks no record up" 0.00 "$share"
    row "a balancer killed" still balancer_killed
    row "the balancer back" still balancer_returned
    row "agents killed and restarted" still agents_restarted
    row "agents upgraded" still agents_upgraded
    row "50 reloads" still reloaded_50_times
    expect_equal "a fleet whose slots do not move looks no record up" 0.00 "$share"
}

rows_of_backends() {
    row "a backend added" moving backend_added
    expect "about as many packets look a record up as slots moved, a tenth" about_a_tenth
    row "weight doubled" moving weight_doubled
    row "weight halved" moving weight_halved
    row "a backend drained" moving backend_drained
    row "the backend undrained" moving backend_undrained
    row "a backend removed" moving backend_removed
    row "a backend drained and undrained at once" moving drained_and_undrained
    row "the same slots moved twice" moving moved_twice
    row "undrained" moving undrained_again
    row "the same slots moved three times" moving moved_three_times
    row "undrained again" moving undrained_again
    row "a backend killed" killing be8 backend_killed
    revive_backend
    row "the backend back, with slow start" moving backend_returned
    slow_start=0s
    reload
}

about_a_tenth() {
    awk "BEGIN { exit !($share > 5 && $share < 15) }"
}

# It serves again, but does not get any connections yet: those that begin now are on its stand-ins.
revive_backend() {
    each end_connections
    hold_connections "$connections_wanted" "${connection_options[@]}"
    start_server be8
    await_server be8
    slow_start=3s
    reload
}

# rows_under_flood WHAT SECONDS: the first rows. Packets are lost, so that an idle connection may be silent for longer.
rows_under_flood() {
    local under_flood=$2 idle_timeout=5s
    reload
    row "$1: a backend added" moving backend_added
    row "$1: weight doubled" moving weight_doubled
    row "$1: weight halved" moving weight_halved
    backend_removed
}

# Other maps: the agents start again, in a settled fleet.
restart_with_max_flows() {
    let_go_of_connections
    max_flows=$1
    stop lb1-agent || true
    stop lb2-agent || true
    start_balancers
}
