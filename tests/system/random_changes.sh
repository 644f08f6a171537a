# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# Whatever may happen to a fleet, in random order. Sourced after tests/system/changes.sh.
#
# be1 to be7 change weight, and die one at a time; be8 to be10 come and go; all are drained. Of the connections that break,
# two kinds are counted apart: those of a backend that was killed, and those that meet a known limit: they reach another
# balancer while slots move, or were silent for an idle timeout (on a machine that is too busy to send). With second
# chance there is no such limit.

# shellcheck disable=SC2154,SC2034 # of fleet.sh
dead_backend=
changes=0       # so far
declare -A broken_by=([death]=0 [limit]=0 [moves]=0 [always]=0 [never]=0 [second_chance]=0)

# change_at_random SECONDS SEED
change_at_random() {
    local end=$((SECONDS + $1)) before
    RANDOM=$2
    echo "random changes for $1 s, seed $2"
    mapfile -t before < <(lookups_and_packets)
    while ((SECONDS < end)); do
        pick presence weight drain flicker death balancer restart upgrade reload
        "random_$picked"
    done
    await "learning to end" nothing_is_learnt
    change "the end" true
    share=$(share_since "${before[@]}")
    table+=("$changes changes at random in $1 s (seed $2)|$(held_connections)|${broken_by[moves]}, besides ${broken_by[death]} of killed backends and ${broken_by[limit]} by a known limit|only the latter|$share|${broken_by[always]}|${broken_by[never]}|${broken_by[second_chance]}")
    expect_equal "$changes random changes: only connections of killed backends, and by a known limit, break" \
        "0 0 0" "${broken_by[moves]} ${broken_by[always]} ${broken_by[second_chance]}"
    expect_more "$changes random changes, tracking never: others break, too" 0 "${broken_by[never]}"
}

# pick WORD...: sets $picked. ($RANDOM of a subshell would be another.)
pick() {
    local words=("$@")
    picked=${words[RANDOM % $#]}
}

# change WHAT COMMAND...; before, $dying may name the backend whose connections may break, and $limit be set.
change() {
    local client
    changes=$((changes + 1))
    each phase "$changes: $1"
    "${@:2}"
    each checkpoint
    for client in $FLEET_CLIENTS; do
        of "$client" tally "$client"
    done
    each reopen
}

# tally CLIENT: what broke in this change, by why.
tally() {
    local all others limited
    all=$(broken)
    others=$(broken_but_of "${dying-}")
    limited=$(silent_but_of "${dying-}")
    [[ -z ${limit-} ]] || limited=$others
    [[ $1 != second_chance ]] || limited=0
    if [[ $1 == moves ]]; then
        ((broken_by[death] += all - others)) || true
        ((broken_by[limit] += limited)) || true
    fi
    others=$((others - limited))
    ((broken_by[$1] += others)) || true
    ((all == 0)) || [[ $1 == never ]] || echo "$current_phase: $1: $all broke: $(breakages)"
}

# silent_but_of [BACKEND]: how many of those that broke in the present phase, but for that backend's, had been silent.
silent_but_of() {
    ask report | jq --arg phase "$current_phase" --arg but "${1-}" --argjson idle "${idle_timeout%s}" '
        [.breakages[] | select(.phase == $phase and .backend != $but and .longest_silence >= $idle)] | length'
}

random_presence() {
    pick be8 be9 be10
    if [[ -v weights["$picked"] ]]; then
        unset "weights[$picked]" "standings[$picked]"
        change "$picked removed" reload
    else
        weights["$picked"]=100
        change "$picked added" reload
    fi
}

random_weight() {
    local backend
    pick be1 be2 be3 be4 be5 be6 be7
    backend=$picked
    pick 50 100 200
    weights["$backend"]=$picked
    change "$backend weighs $picked" reload
}

# At most three are drained.
random_drain() {
    pick "${!weights[@]}"
    if [[ ${standings[$picked]-} == drain ]]; then
        change "$picked undrained" order undrain "$picked"
    elif [[ ! -v standings[$picked] ]] && ((${#standings[@]} < 3)); then
        change "$picked drained" order drain "$picked"
    fi
}

random_flicker() {
    pick "${!weights[@]}"
    [[ -v standings[$picked] ]] || change "$picked drained and undrained at once" flicker "$picked"
}

flicker() {
    order drain "$1"
    order undrain "$1"
}

random_death() {
    local dying
    if [[ -n $dead_backend ]]; then
        start_server "$dead_backend"
        await_server "$dead_backend"
        change "$dead_backend back" order enable "$dead_backend"
        dead_backend=
        return
    fi
    pick be1 be2 be3 be4 be5 be6 be7
    [[ ! -v standings[$picked] ]] || return 0
    dead_backend=$picked
    dying=$picked
    change "$picked killed" kill_backend "$picked"
}

kill_backend() {
    kill_server "$1"
    order disable "$1"
}

random_balancer() {
    local balancer limit=
    all_is_settled || limit=yes
    if ((${#running_balancers[@]} == 1)); then
        balancer=$(lab_balancers | grep -vx "${running_balancers[0]}")
        change "$balancer back" bring_back "$balancer"
    else
        pick "${running_balancers[@]}"
        change "$picked killed" kill_balancer "$picked"
    fi
}

random_restart() {
    local balancer
    pick "${running_balancers[@]}"
    balancer=$picked
    pick TERM KILL
    change "agent of $balancer: SIG$picked, restarted" restart_balancer "$balancer" "$picked"
}

random_upgrade() {
    local balancer
    pick "${running_balancers[@]}"
    balancer=$picked
    pick "$GUIDEWAY" "$GUIDEWAY_UPGRADED"
    GUIDEWAY=$picked change "agent of $balancer: upgraded" restart_balancer "$balancer" TERM
}

random_reload() {
    config_round=$((config_round + 1))
    change "reloaded" reload
}
