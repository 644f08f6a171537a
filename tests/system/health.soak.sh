#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Five minutes of servers that behave badly, with an agent that is built to notice every leak and every wrong access.
# Two hosts of three behave well, and every half minute it is another one that does not. SOAK_SECONDS says otherwise.
#
#     lb1 (agent, ASan and UBSan) === tunnels ===> be1, be2, be3 (faulty.py)
#                                 ---- nobody ---> 10.0.0.199, which no host has; 198.18.0.1, to which no route leads
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=3
LAB_TIMEOUT=60
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/health.sh"
cd "$LAB_ROOT"
SANITIZED=$LAB_ROOT/build-asan/guideway
[[ -x $SANITIZED ]] || {
    echo "skipped: $SANITIZED is not built (cmake --preset asan; cmake --build --preset asan --target guideway)"
    exit 77
}
lab_enter "$@"

probe_timeout=900ms # sanitizers take their time
soak_seconds=${SOAK_SECONDS:-300}
turn_seconds=30
declare -A times_bad=([be1]=0 [be2]=0 [be3]=0)

write_config() {
    cat <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	$(config_of_behaviours "interval: 1s, damping: {flaps: 100}" 10.0.0.101,10.0.0.102,10.0.0.103)
	$(config_of_nobody nobody-tunnel tunnel 7001)
	$(config_of_nobody nobody-direct direct 7002)
	END
}

# config_of_nobody NAME VIA PORT
config_of_nobody() {
    cat <<-END
	  - name: $1
	    listen: ["192.0.2.10:$3/tcp"]
	    panic_threshold: 0%
	    health: {check: tcp, timeout: $probe_timeout, via: $2}
	    backends: [10.0.0.199, 198.18.0.1]
	END
}

# What is judged, a line for each backend: "service address state reason".
judgements() {
    status lb1 '.services[] | .name as $service | .backends[] |
        "\($service) \(.address) \(.health.state) \(.health.reason // "")"'
}

# judged_rightly BAD: that host is down for what it does, and nobody else that is there.
judged_rightly() {
    local service address state reason known
    known=$(judgements) || return 1
    while read -r service address state reason; do
        if [[ $service == nobody-* || ($address == $(lab_ipv4 "$1") && $service != well) ]]; then
            [[ $state == down && $reason == "${whys[$service]-}"* ]] || wrong "$service $address $state $reason" || return 1
        else
            [[ $state == up ]] || wrong "$service $address $state $reason" || return 1
        fi
    done <<<"$known"
}

# wrong JUDGEMENT: is remembered, for the message.
wrong() {
    echo "$1" >"$LAB_DIR/wrong.log"
    return 1
}

descriptors() {
    local all=("/proc/$(pid_of lb1-agent)/fd"/*)
    echo ${#all[@]}
}

resident_mib() {
    awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$(pid_of lb1-agent)/status"
}

probes() {
    status lb1 '[.services[].backends[].health.probes] | add'
}

# times SERVICE ADDRESS down|up: how often it was judged so; another reason is no other judgement.
times() {
    sed -n "s/.* $1: $2 is \(down\|up\).*/\1/p" "$(log_of lb1-agent)" | uniq | grep -c "$3" || true
}

# hold BAD UNTIL: looks every second whether all is still judged rightly; says how it went.
hold() {
    local looks=0 began before after most=0 least=1000000 now slowest=0
    before=$(probes)
    began=$EPOCHREALTIME
    while ((SECONDS < $2)); do
        sleep 1
        now=$EPOCHREALTIME
        judged_rightly "$1" || fail "$1 behaves badly, and judged is: $(<"$LAB_DIR/wrong.log")"
        now=$((10#${EPOCHREALTIME/./} - 10#${now/./}))
        ((now <= slowest)) || slowest=$now
        now=$(descriptors)
        ((now <= most)) || most=$now
        ((now >= least)) || least=$now
        ((++looks))
    done
    after=$(probes)
    printf '%-6s %8d %6d %7.1f %11s %9d %6d ms\n' "$1" $looks $((after - before)) \
        "$(bc <<<"($after - $before) / ($EPOCHREALTIME - $began)")" "$least-$most" "$(resident_mib)" $((slowest / 1000))
    most_descriptors+=("$most")
}

lab_up
# shellcheck disable=SC2046 # one word per backend
set -- $(lab_backends)
for host; do
    start_backend "$host"
done
start_faulty "$@"
turn be2 well
turn be3 well
for host; do
    await "$host to unwrap" unwraps "$host"
done
ip -n lb1 route add unreachable 198.18.0.0/15
set_whys
whys+=([nobody-tunnel]="" [nobody-direct]="")
write_config >"$LAB_DIR/lb.yaml"
export ASAN_OPTIONS=detect_stack_use_after_return=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
GUIDEWAY=$SANITIZED start_agent lb1 "$LAB_DIR/lb.yaml"
await "the agent to forward" says_attached lb1-agent

bad=be1
most_descriptors=()
end=$((SECONDS + soak_seconds))
echo "bad       looks probes   per s descriptors  MiB RSS  slowest status"
while true; do
    times_bad[$bad]=$((${times_bad[$bad]} + 1))
    await "$bad to be judged rightly, and all others" judged_rightly "$bad"
    hold "$bad" $((SECONDS + turn_seconds))
    ((SECONDS < end)) || break
    next=be$((${bad#be} % 3 + 1))
    turn "$bad" well
    turn "$next" badly
    bad=$next
done

for behaviour in "${behaviours[@]}"; do
    for host; do
        wanted=${times_bad[$host]}
        [[ $behaviour != well ]] || wanted=0
        [[ $(times "$behaviour" "$(lab_ipv4 "$host")" down) == "$wanted" ]] ||
            grep " $behaviour: $(lab_ipv4 "$host") is " "$(log_of lb1-agent)" || true
        expect_equal "$behaviour: $host was judged to be down as often as it was bad" "$wanted" \
            "$(times "$behaviour" "$(lab_ipv4 "$host")" down)" >>"$LAB_DIR/expected"
    done
done
echo "ok: in ${#behaviours[@]} services every backend was down as often as it was bad (${times_bad[be1]}, ${times_bad[be2]} and ${times_bad[be3]} times), and no other"
expect "descriptors are no more at the end (${most_descriptors[-1]} at most) than at the beginning (${most_descriptors[0]})" \
    test "${most_descriptors[-1]}" -le $((most_descriptors[0] + 8))
status=0
stop lb1-agent || status=$?
((status == 0)) || {
    cat "$(log_of lb1-agent)" >&2
    fail "the agent ended with status $status"
}
expect "no sanitizer found anything" eval '! grep -E "Sanitizer|runtime error" "$(log_of lb1-agent)"'
