#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# Who owned which slots, with tracking: second_chance: a balancer learns it from its peers and from its disk, and nothing
# that stands there, or that a peer says, keeps it from forwarding.
#
#     client --- router --- lb1, lb2 ---> be1, be2
set -euo pipefail
LAB_BALANCERS=2
LAB_BACKENDS=2
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

history_of() {
    echo "$(runtime_dir_of "$1")/history.json"
}

# write_config BALANCER BACKEND_ADDRESSES [TRACKING]: whose peer is lb2.
write_config() {
    cat >"$LAB_DIR/$1.yaml.new" <<-END
		interfaces: [eth0]
		hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
		http: "$(lab_ipv4 "$1"):9660"
		peers: [$(lab_ipv4 lb2):9660]
		services:
		  - {name: web, listen: ["192.0.2.10:80/tcp"], tracking: ${3-second_chance}, table_size: 4093, backends: [$2]}
	END
    mv "$LAB_DIR/$1.yaml.new" "$LAB_DIR/$1.yaml"
}

run() {
    start_agent "$1" "$LAB_DIR/$1.yaml"
    await "$1 to be ready" agent_ready "$1"
}

restart() {
    stop "$1-agent" "${2-TERM}" || true
    run "$1"
}

reload() {
    on "$1" "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of "$1")" >/dev/null
}

# As the agent's knowledge has it, and not the slots' flags alone.
names() {
    status "$1" '.services[0] | .slots_by_state.naming == ([.slots_by_hops[]] | add) and .slots_by_state.naming > 0' \
        >/dev/null
}

naming() {
    status "$1" '.services[0].slots_by_state.naming'
}

same_as_lb1() {
    [[ $(naming lb2) == "$named" ]]
}

history_is_written() {
    jq -e '[.services[0].slots[] | select(.former | length > 0).slots | length] | add == '"$named" "$(history_of lb1)" \
        >/dev/null
}

says() {
    grep -q "$2" "$(log_of "$1-agent")"
}

# peer_says FILE_TEXT: something else than a balancer listens at lb2.
peer_says() {
    mkdir -p "$LAB_DIR/peer"
    echo "$1" >"$LAB_DIR/peer/history"
    start peer lb2 python3 -m http.server 9660 --bind "$(lab_ipv4 lb2)" --directory "$LAB_DIR/peer"
    await "the peer" curl_ok lb2 "http://$(lab_ipv4 lb2):9660/history"
}

curl_ok() {
    on "$1" curl --silent --fail --max-time 2 --output /dev/null "$2"
}

lab_up
start_backends be1 be2
write_config lb1 "$(lab_ipv4 be1)"
run lb1

write_config lb1 "$(lab_ipv4 be1), $(lab_ipv4 be2)"
reload lb1
await "slots to name be1" names lb1
named=$(naming lb1)
expect_more "about half of the slots moved, and name their former owner" 1500 "$named"
await "the history to be on disk" history_is_written

restart lb1 KILL
expect_equal "a killed agent's successor names whom it named" "$named" "$(naming lb1)"

bpftool link detach pinned "$(pins_of lb1)/link-eth0"
stop lb1-agent KILL || true
rm -r "$(pins_of lb1)"
run lb1
expect_equal "after a reboot, too, from disk" "$named" "$(naming lb1)"

# lb2 has no history, and another peer: lb1.
sed "s/peers: .*/peers: [\"$(lab_ipv4 lb1):9660\"]/; s/^http: .*/http: \"$(lab_ipv4 lb2):9660\"/" "$LAB_DIR/lb1.yaml" \
    >"$LAB_DIR/lb2.yaml"
run lb2
expect "a balancer that is new names whom its peer names, before it takes packets" same_as_lb1

write_config lb1 "$(lab_ipv4 be1)"
reload lb1
await "lb1 to name be2" names lb1
named=$(naming lb1)
expect_more "lb1 is ahead of lb2: the slots that left be2 name it" 1500 "$named"
await "lb2 to name lb1's owners where it has others" \
    eval '(($(status lb2 "[.services[0].slots_by_hops[]] | add") >= named))'

stop lb2-agent KILL || true
bpftool link detach pinned "$(pins_of lb2)/link-eth0"
lab_route_via lb1
await "lb1 to say that its peer is silent" says lb1 "peer $(lab_ipv4 lb2):9660: .* asked for its history each second"
peer_says '{"format": 1, "instance": "f", "revision": 1, "told": 0, "hash_key": "", "services": [{"name": "web"}]}'
restart lb1
expect "a peer that says nonsense is complained about" says lb1 "it is no history"
expect_equal "and nothing is lost by it" "$named" "$(naming lb1)"
expect_echoes_of=$(on client curl --silent --fail --max-time 5 "http://192.0.2.10/" | wc -c)
expect_more "and lb1 forwards" 0 "$expect_echoes_of"
stop peer || true

stop lb1-agent || true
echo '{"format": 1, "slots": [' >"$(history_of lb1)"
run lb1
expect "a history that is cut off is complained about" says lb1 "history.json: it is no history"
expect "and lb1 forwards" curl_ok client "http://192.0.2.10/"

write_config lb1 "$(lab_ipv4 be1), $(lab_ipv4 be2)"
reload lb1
await "slots to name be1 again" names lb1
write_config lb1 "$(lab_ipv4 be1), $(lab_ipv4 be2)" moves
reload lb1
expect "with tracking: moves the slots that named learn instead, and none names" \
    status lb1 '.services[0].slots_by_state | .naming == 0 and .learning > 1500'
