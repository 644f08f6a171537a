#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016,SC2119
#
# Who drains is not cut off: a VIP stays announced while only drained backends are left and have flows, and while its
# service is renamed.
#
#     client --- router (BIRD) === BGP over IPv4 and IPv6 === lb1, lb2 ---> be1, be2
set -euo pipefail
LAB_BACKENDS=2
LAB_TIMEOUT=30
LAB_VERBOSE=
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/connections.sh"
. "$LAB_ROOT/tests/system/router.sh"
cd "$LAB_ROOT"
lab_enter "$@"

BE1='{name: be1, address: 10.0.0.101}'
BE2='{name: be2, address: 10.0.0.102}'

# write_config lb1 BACKENDS [NAME [LINE]]
write_config() {
    {
        bgp_config "$1" | sed '/^services:/d'
        cat <<-END
		services:
		  - name: ${3-web}
		    listen: ["192.0.2.10:9100/tcp", "[2001:db8:1::10]:9100/tcp"]
		    idle_timeout: 2s
		    ${4-}
		    backends: [$2]
		END
    } >"$LAB_DIR/$1.yaml.new"
    mv "$LAB_DIR/$1.yaml.new" "$LAB_DIR/$1.yaml"
}

guideway() {
    on "$1" "$GUIDEWAY" "${@:2}" --runtime-dir "$(runtime_dir_of "$1")"
}

# both COMMAND...: on each balancer, with its name as the second word.
both() {
    local balancer
    for balancer in lb1 lb2; do
        "$1" "$balancer" "${@:2}"
    done
}

# reload_with BACKENDS [NAME [LINE]]: both.
reload_with() {
    both write_config "$@"
    both guideway reload
}

# both_say FILTER
both_say() {
    status lb1 "$1" && status lb2 "$1"
}

# all_are_announced REGEX: with a note that looks so.
all_are_announced() {
    both_say "[.bgp.vips[] | .announced and ((.note // \"\") | test(\"$1\"))] | all"
}

# none_is_announced REASON
none_is_announced() {
    both_say "[.bgp.vips[] | (.announced | not) and .reason == \"$1\"] | all"
}

begin() {
    start route-watch router ip monitor route
    start_connections 60 --idle-every 500 --request-every 300
    await_established
}

# kept "sentence": no connection broke, and no route to a VIP was ever gone.
kept() {
    checkpoint
    expect_none_broken "$1"
    stop route-watch || true
    expect "$1: no route was ever gone" eval '! grep -q "^Deleted" "$(log_of route-watch)"'
}

# drained "sentence" NOTE: both balancers drain their last backends, and say so; then the flows end.
drained() {
    expect_soon "$1: status says so" all_are_announced "web: only drained backends are left"
    await "learning to end" both_say '.services[0].slots_by_state.learning == 0'
    expect "$1: the routes stay" goes_via "lb1 lb2"
    kept "$1"
    end_connections
    took "$1: the flows have ended, the routes go" goes_via ""
    expect "$1: status says why" none_is_announced "$2"
}

# served "sentence": it serves again.
served() {
    took "$1: announced again" goes_via "lb1 lb2"
}

lab_up
remove_static_routes
start_router bird
start_backends be1 be2
start_servers
both write_config "$BE1, $BE2"
for balancer in lb1 lb2; do
    start_agent "$balancer" "$LAB_DIR/$balancer.yaml"
    await "$balancer to be ready" agent_ready "$balancer"
done
served "at first"

begin
both guideway drain be1
both guideway drain be2 --force
drained "drained by hand" "web: all backends are drained"
both guideway undrain be1
both guideway undrain be2
served "undrained"

begin
reload_with "{name: be1, address: 10.0.0.101, state: drain}, {name: be2, address: 10.0.0.102, state: drain}"
drained "drained in the file" "web: all backends are drained"
reload_with "$BE1, $BE2"
served "up in the file"

begin
reload_with ""
drained "removed from the file" "web: it has no backends"
reload_with "$BE1, $BE2"
served "back in the file"

# A drained backend keeps its flows while it is alive, whatever its checks say.
HEALTH="health: {check: tcp, port: 80, interval: 250ms, timeout: 200ms, rise: 2, fall: 2}"
reload_with "$BE1, $BE2" web "$HEALTH"
await "both to be judged" both_say '[.services[0].backends[].health.state == "up"] | all'
begin
both guideway drain be1
both guideway drain be2 --force
stop be1-app KILL || true
stop be2-app KILL || true
await "their checks to fail" both_say '[.services[0].backends[].health.state == "down"] | all'
drained "drained, then failing their checks" "web: all backends are drained"
start_app be1
start_app be2
await "them to be judged" both_say '[.services[0].backends[].health.state == "up"] | all'
both guideway undrain be1
both guideway undrain be2
served "serving and undrained"

reload_with "$BE1, $BE2" web "health: {check: tcp, interval: 500ms, timeout: 400ms, rise: 2}"
served "with health"
begin
reload_with "$BE1, $BE2" renamed "health: {check: tcp, interval: 500ms, timeout: 400ms, rise: 2}"
expect_soon "renamed, with health: warmed up" both_say '.services[0].health.warmed_up'
kept "renamed, with health"
end_connections

# Agents that start anew while only drained backends are left have counted no flow yet.
reload_with "$BE1, $BE2"
served "without health"
begin
both guideway drain be1
both guideway drain be2 --force
await "learning to end" both_say '.services[0].slots_by_state.learning == 0'
for balancer in lb1 lb2; do
    stop "$balancer-agent" KILL || true
    start_agent "$balancer" "$LAB_DIR/$balancer.yaml"
    await "$balancer to be ready" agent_ready "$balancer"
done
drained "drained, and the agents killed and started again" "web: all backends are drained"
both guideway undrain be1
both guideway undrain be2
served "undrained once more"

# The last one that serves vanishes: whoever drains beside it has a way, and keeps its flows.
reload_with "$BE1, $BE2" web "health: {check: tcp, interval: 500ms, timeout: 400ms}"
served "with health again"
begin
both guideway drain be1
ip -n router link set to-be2 down
for balancer in lb1 lb2; do
    ip -n "$balancer" neighbour delete 10.0.0.102 dev eth0
done
expect_soon "the last one that serves is gone: status says who is left" all_are_announced "web: only drained backends are left"
checkpoint
expect_only_of be2
stop route-watch || true
expect "no route to a VIP was ever gone" eval '! grep -qE "^Deleted (192|2001:db8:1:)" "$(log_of route-watch)"'
