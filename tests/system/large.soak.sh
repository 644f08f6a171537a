#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# 1,000 services of 100 backends each, probed and announced: how long an agent takes to forward, and its scrapes to be
# answered; how late its timers get meanwhile, and how much memory it has.
#
#     router (BIRD) === BGP === lb1 ---> be1, be2, be3, each by 33 or 34 addresses
set -euo pipefail
LAB_BALANCERS=1
LAB_TIMEOUT=${SOAK_TIMEOUT:-400}
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
lab_enter "$@"

SERVICES=${SOAK_SERVICES:-1000}
config=$LAB_DIR/lb1.yaml
rows=()

BACKENDS=({101..103} {110..206})

# more_addresses add|delete: each host is as many backends as it has addresses.
more_addresses() {
    local i
    for ((i = 3; i < ${#BACKENDS[@]}; i++)); do
        ip -n "be$((i % 3 + 1))" address "$1" "10.0.0.${BACKENDS[i]}/24" dev eth0
    done
}

write_config() {
    local backends i
    backends=$(printf '10.0.0.%d, ' "${BACKENDS[@]}")
    bgp_config lb1 | sed '/^services:/d'
    cat <<-END
	http: 127.0.0.1:9660
	datapath: {max_services: 1200, max_backends: 140000}
	services:
	END
    for ((i = 0; i < SERVICES; i++)); do
        cat <<-END
		  - name: service-$i
		    panic_threshold: 0%
		    listen: ["192.0.2.10:$((1000 + i))/tcp"]
		    health: {check: http, path: "/?$i", port: 80, interval: 60s, timeout: 2s, rise: 1, fall: 1, max_move: 100%}
		    backends: [${backends%, }]
		END
    done
}

# measured "what" WANTED MEASURED UNIT
measured() {
    local verdict=ok
    awk "BEGIN { exit !($3 < $2) }" || verdict=missed
    rows+=("$1|below $2 $4|$3 $4|$verdict")
}

# scrape: prints the seconds that it took.
scrape() {
    on lb1 curl -sS -m 60 -o "$LAB_DIR/metrics" -w '%{time_total}' http://127.0.0.1:9660/metrics
}

# Of a short answer: the scrape's own comes from before it.
late_by() {
    on lb1 curl -sS -m 60 http://127.0.0.1:9660/metrics | awk '/^guideway_loop_late_seconds/ { printf "%.0f", $2 * 1000 }'
}

is_announced() {
    [[ $(via 192.0.2.10) == lb1 ]]
}

# By the log: a status of 100,000 backends costs a second.
all_judged() {
    (($(grep -c "every backend has been judged" "$(log_of lb1-agent)") == SERVICES))
}

others_down() {
    (($(grep -c " is down: " "$(log_of lb1-agent)") > SERVICES * 90))
}

memory() {
    awk '/^RssAnon/ { printf "%d", $2 / 1024 }' "/proc/$(pid_of lb1-agent)/status"
}

lab_up
remove_static_routes
start_router bird
start_backends be1 be2 be3
more_addresses add
write_config >"$config"
begun=$(date +%s%N)
start_agent lb1 "$config"
await "lb1 to forward" says_attached lb1-agent
measured "from the start of the agent to forwarding" 3 "$(awk "BEGIN { printf \"%.1f\", ($(date +%s%N) - $begun) / 1e9 }")" s
took "announced" is_announced
await "every backend to be judged" all_judged
for i in 1 2 3; do
    scrape >/dev/null
    measured "scrape $i of $(wc -l <"$LAB_DIR/metrics") lines" 2 "$(scrape)" s
    measured "    the latest timer meanwhile" 50 "$(late_by)" ms
done
measured "memory, without the mapped tables" 400 "$(memory)" MiB
more_addresses delete
await "nearly all of 97 in 100 backends to be down" others_down
late_by >/dev/null
since=$(date +%s)
await "three seconds to pass" eval "((\$(date +%s) > $since + 3))"
measured "97 of 100 backends of each down: the latest timer in 3 s" 200 "$(late_by)" ms
measured "    memory" 800 "$(memory)" MiB
echo
echo "| 1,000 services of 100 backends, with health and BGP | wanted | measured | |"
echo "|---|---|---|---|"
printf '%s\n' "${rows[@]}" | sed 's/|/ | /g; s/^/| /; s/$/ |/'
