# shellcheck shell=bash source-path=SCRIPTDIR
# SPDX-License-Identifier: Apache-2.0
#
# Many VIPs, and random events after each of which the router's routes are what both agents claim, which is what was asked
# of them. Sourced by bgp_lifetime.test.sh and bgp.soak.sh:
#
#     router (BIRD) === BGP over IPv4 and IPv6 === lb1, lb2 --- be1, which answers pings: its health
set -euo pipefail
LAB_BACKENDS=1
LAB_TIMEOUT=60 # ExaBGP waits longer and longer for a router that is not there
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"

vips=()              # of service s0, s1, ...
declare -A taken=()  # "lb1 VIP": taken out there by hand
declare -A away=()   # lb1: withdrawn there by hand
silent=0             # 1: be1 does not answer

# --- balancers -------------------------------------------------------------------------------------------------------

# name_vips COUNT: half of them IPv6.
name_vips() {
    local i
    for ((i = 0; i < $1; i++)); do
        if ((i % 2)); then vips+=("2001:db8:1::1:$((i / 2 + 1))"); else vips+=("198.18.$((i / 400)).$((i / 2 % 200 + 1))"); fi
    done
}

write_config() {
    local i
    {
        bgp_config "$1" | sed '/^services:/d'
        echo "datapath: {table_size: 251, max_services: 600}"
        echo "services:"
        for i in "${!vips[@]}"; do
            cat <<-END
			  - name: s$i
			    listen: [$(listener "${vips[i]}")]
			    health: {check: icmp, via: direct, interval: 500ms, timeout: 400ms, rise: 1, fall: 2, damping: {flaps: 100}}
			    backends: [10.0.0.101]
			END
        done
    } >"$LAB_DIR/$1.yaml"
}

listener() {
    if [[ $1 == *:* ]]; then echo "\"[$1]:80/tcp\""; else echo "\"$1:80/tcp\""; fi
}

run_agent() {
    start_agent "$1" "$LAB_DIR/$1.yaml"
    await "$1 to be ready" agent_ready "$1"
}

guideway() {
    on "$1" "$GUIDEWAY" "${@:2}" --runtime-dir "$(runtime_dir_of "$1")"
}

# --- who says what ---------------------------------------------------------------------------------------------------

# What should be announced, is claimed to be, and is at the router: sorted lines "VIP BALANCER".
asked() {
    local balancer vip
    ((!silent)) || return 0
    for balancer in lb1 lb2; do
        [[ ! -v away[$balancer] ]] || continue
        for vip in "${vips[@]}"; do
            [[ -v taken["$balancer $vip"] ]] || echo "$vip $balancer"
        done
    done | sort
}

claimed() {
    local balancer
    for balancer in lb1 lb2; do
        guideway "$balancer" status --json | jq -r ".bgp.vips[] | select(.announced) | \"\(.vip) $balancer\""
    done | sort
}

routed() {
    local family
    for family in 4 6; do
        ip -n router -json "-$family" route show proto bird | jq -r '
            .[] | .dst as $vip | [.gateway?, .nexthops[]?.gateway?] | map(strings)[]
            | "\($vip) lb\((sub(".*[.:]"; "") | tonumber) - 10)"'
    done | sort
}

told_the_routers() {
    status "$1" '.bgp | .running and .presence != "leaving" and
                 ([.peers[] | .state == "established" and .wanted == .announced] | all)'
}

all_agree() {
    told_the_routers lb1 && told_the_routers lb2 && [[ $(routed) == "$(asked)" && $(claimed) == "$(asked)" ]]
}

# --- figures ---------------------------------------------------------------------------------------------------------

# starts_announcing lb1: measured from the end of warm-up.
starts_announcing() {
    start_agent "$1" "$LAB_DIR/$1.yaml"
    await "$1 to have warmed up" warmed_up "$1"
    LAB_TIMEOUT=${ANNOUNCED_WITHIN:-$LAB_TIMEOUT} took "${#vips[@]} VIPs of $1 are announced, since it has warmed up" router_has "$1" "${#vips[@]}"
    await "$1 to be ready" agent_ready "$1"
}

warmed_up() {
    (($(grep -c "every backend has been judged" "$(log_of "$1-agent")") == ${#vips[@]}))
}

router_has() {
    (($(routed | grep -c " $1$") == $2))
}

# Of ten VIPs in turn: from `guideway disable` to the UPDATE at the router, its own start included.
withdraws_one_by_one() {
    local i
    watch withdraws to-lb1 'src 10.0.0.11 and tcp port 179'
    : >"$LAB_DIR/withdraws"
    for ((i = 0; i < 20; i += 2)); do
        echo "$EPOCHREALTIME" >>"$LAB_DIR/withdraws"
        guideway lb1 disable 10.0.0.101 --service "s$i" --force
        await "${vips[i]} to be withdrawn" eval "! grep -qxF '${vips[i]} lb1' < <(routed)"
    done
    stop_watch withdraws
    # An UPDATE is longer than the 19 bytes of a KEEPALIVE.
    tcpdump -tt -n -r "$LAB_DIR/withdraws.pcap" 2>/dev/null |
        sed -n 's/^\([0-9.]*\) .*, length \([0-9]*\): BGP.*/\1 \2/p' |
        awk '$2 > 19 { print $1 }' >"$LAB_DIR/updates"
    awk 'NR == FNR { update[++updates] = $1; next }
         { while (next_update < updates && update[next_update + 1] < $1) ++next_update
           printf "%.0f\n", (update[next_update + 1] - $1) * 1000 }' "$LAB_DIR/updates" "$LAB_DIR/withdraws" |
        sort -n >"$LAB_DIR/delays"
    echo "ok: one of ${#vips[@]} VIPs withdrawn, ten times; on the wire after ms: $(paste -sd ' ' "$LAB_DIR/delays")"
    # Half of them: others may keep the processors busy for a moment.
    (($(sed -n 5p "$LAB_DIR/delays") <= ${ON_THE_WIRE_WITHIN:-1000})) || fail "more than $ON_THE_WIRE_WITHIN ms"
    for ((i = 0; i < 20; i += 2)); do
        guideway lb1 enable 10.0.0.101 --service "s$i"
    done
}

# --- events ----------------------------------------------------------------------------------------------------------

# In this shell: a subshell has a RANDOM of its own.
change_one() {
    local i=$((RANDOM % ${#vips[@]}))
    if [[ -v taken["$1 ${vips[i]}"] ]]; then
        guideway "$1" enable 10.0.0.101 --service "s$i"
        unset "taken[$1 ${vips[i]}]"
    else
        guideway "$1" disable 10.0.0.101 --service "s$i" --force
        taken["$1 ${vips[i]}"]=yes
    fi
}

change() {
    local i
    for ((i = 0; i < $2; i++)); do
        change_one "$1"
    done
}

come_or_go() {
    if [[ -v away[$1] ]]; then
        guideway "$1" announce
        unset "away[$1]"
    else
        guideway "$1" withdraw
        away[$1]=yes
    fi
}

restart() {
    stop "$1-agent" "$2" || true
    run_agent "$1"
}

other_hold_time() {
    sed "/address: 10.0.0.1,/s/hold_time: [0-9]*s/hold_time: $((RANDOM % 20 + 9))s/" "$LAB_DIR/$1.yaml" >"$LAB_DIR/$1.yaml.new"
    mv "$LAB_DIR/$1.yaml.new" "$LAB_DIR/$1.yaml"
    guideway "$1" reload
}

fall_silent_or_speak() {
    silent=$((1 - silent))
    on be1 sysctl -q -w net.ipv4.icmp_echo_ignore_all="$silent"
}

# event lb1: something happens to it, as $what says.
event() {
    case $((RANDOM % 15)) in
    0 | 1 | 2) what="takes some out" && change "$1" 3 ;;
    3) what="takes out and in ten times" && change "$1" 10 ;;
    4) what="loses ExaBGP" && kill -KILL "$(exabgp_of "$1")" ;;
    5) what="has ExaBGP stopped" && kill -STOP "$(exabgp_of "$1")" && change "$1" 2 ;;
    6) what="loses the relay" && kill -KILL "$(relay_of "$1")" && change "$1" 2 ;;
    7) what="is withdrawn, or announced again" && come_or_go "$1" ;;
    8) what="is killed and started" && restart "$1" KILL ;;
    9) what="ends and is started" && restart "$1" TERM ;;
    10) what="sees the router restart" && stop_router && start_router bird ;;
    11) what="sees the backend fall silent, or speak" && fall_silent_or_speak ;;
    12) what="loses the supervisor" && kill -KILL "$(supervisor_of "$1")" ;;
    13) what="has the supervisor stopped" && kill -STOP "$(supervisor_of "$1")" && change "$1" 2 ;;
    14) what="reloads with another hold time for one router" && other_hold_time "$1" ;;
    esac
}

# live VIPS EVENTS SEED
live() {
    local number balancer
    name_vips "$1"
    lab_up
    remove_static_routes
    start_router bird
    for balancer in lb1 lb2; do
        write_config "$balancer"
        starts_announcing "$balancer"
    done
    withdraws_one_by_one
    RANDOM=$3
    echo "seed $3"
    took "all agree" all_agree
    for ((number = 1; number <= $2; number++)); do
        balancer=lb$((RANDOM % 2 + 1))
        event "$balancer"
        took "event $number of $2: $balancer $what; all agree" all_agree
    done
}
