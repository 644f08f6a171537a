#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016
#
# A changed configuration is applied whole, or refused whole; either way, what it does not change goes on untouched.
#
#     client --- router --- lb1 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

config=$LAB_DIR/lb.yaml

# first_config [SED_EXPRESSION...]: the configuration to begin with, or something made of it.
first_config() {
    local expressions=(-e '')
    while (($#)); do
        expressions+=(-e "$1")
        shift
    done
    sed "${expressions[@]}" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	pins: $(pins_of lb1)
	runtime_dir: $(runtime_dir_of lb1)
	datapath: {table_size: 65537, max_services: 16, max_backends: 512, max_flows: 65536}
	services:
	  - name: kept
	    listen: ["192.0.2.10:7/udp", "[2001:db8:1::10]:7/udp", "192.0.2.10:9000/udp", "[2001:db8:1::10]:9000/udp"]
	    affinity: flow
	    backends: [10.0.0.101, 10.0.0.102, 10.0.0.103]
	  - name: changed
	    listen: ["192.0.2.10:80/tcp"]
	    backends: [10.0.0.101, 10.0.0.102]
	  - name: removed
	    listen: ["[2001:db8:1::10]:80/tcp", "192.0.2.10:8080/udp"]
	    backends: ["2001:db8:f::101"]
	END
}

# 'changed' gets other backends, another weight and another port; 'added' takes over one of the listeners of 'removed', and
# so is the same service under another name.
second_config() {
    first_config '/name: removed/,$d' '/:80\/tcp/,$d'
    cat <<-END
	    listen: ["192.0.2.10:80/tcp", "192.0.2.10:81/tcp"]
	    backends: [{address: 10.0.0.103, weight: 3}, 10.0.0.102]
	  - name: added
	    listen: ["[2001:db8:1::10]:80/tcp"]
	    backends: ["2001:db8:f::102"]
	END
}

# Replaced in one step, as everyone should.
put_config() {
    cat >"$config.new"
    mv "$config.new" "$config"
}

run_agent() {
    start lb1-agent lb1 "$GUIDEWAY" agent -c "$1"
    await "lb1 to be ready" agent_ready lb1
}

reload() {
    on lb1 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)"
}

# All there is to know about a service as it is in the kernel.
facts() {
    in_kernel lb1 ".services[] | select(.name == \"$1\")"
    element tables "$(number_of "$1")" | sha256sum
}

number_of() {
    status lb1 ".services[] | select(.name == \"$1\").number"
}

# element MAP INDEX: as it is in the kernel.
element() {
    # shellcheck disable=SC2046 # one word per byte
    bpftool -j map lookup pinned "$(pins_of lb1)/$1" key hex $(printf '%02x ' "$2" 0 0 0)
}

# A number is not used again before the last packet that may carry it is gone.
lists() {
    status lb1 "any(.services[].listeners[]; . == \"$1\")"
}

last_reload_refused() {
    status lb1 '.agent.last_reload.ok == false'
}

answers() {
    udp_requests 192.0.2.10 60
    udp_requests 2001:db8:1::10 60
}

# --- what is not changed is not touched ------------------------------------------------------------------------------

not_touched() {
    local first_answers kept counted counted_renamed removed
    first_answers=$(answers)
    expect_equal "120 datagrams for 'kept' answered" 120 "$(wc -l <<<"$first_answers")"
    expect_equal "'changed': be1 and be2 answer" "be1 be2" \
        "$(http_requests 192.0.2.10 30 10001 | sort -u | paste -sd ' ')"
    expect_equal "'removed': be1 answers" "be1" "$(http_requests 2001:db8:1::10 5 11001 | sort -u)"
    kept=$(facts kept)
    removed=$(number_of removed)

    second_config | put_config
    expect "a reload with services added, removed and changed is applied" reload
    expect_equal "'kept': counters, numbers, digests, slots are as before" "$kept" "$(facts kept)"
    expect_equal "there are the services of the new file" "added changed kept" \
        "$(status lb1 '[.services[].name] | join(" ")')"
    expect_equal "'kept': the same backends for the same flows" "$first_answers" "$(answers)"
    expect_equal "'changed': be2 and be3 answer" "be2 be3" \
        "$(http_requests 192.0.2.10 30 12001 | sort -u | paste -sd ' ')"
    expect_equal "'added': be2 answers" "be2" "$(http_requests 2001:db8:1::10 5 13001 | sort -u)"
    counted=$(verdict_packets lb1 no_listener)
    expect_equal "'removed': nobody answers" "" "$(udp_requests 192.0.2.10 3 --port 8080 --timeout 0.05)"
    expect_equal "and that is counted" 3 $(($(verdict_packets lb1 no_listener) - counted))

    expect_equal "'added' goes on with the number of 'removed'" "$removed" "$(number_of added)"
    kept=$(facts kept)
    counted=$(service_packets lb1 changed)
    counted_renamed=$(service_packets lb1 added)
    first_config | put_config
    expect "a reload with the first configuration is applied" reload
    expect_equal "'kept': as before, again" "$kept" "$(facts kept)"
    expect_equal "'changed': its counters go on" "$counted" "$(service_packets lb1 changed)"
    expect_equal "'removed' has its number and counters again" "$removed $(service_packets lb1 removed)" \
        "$(number_of removed) $counted_renamed"
    expect_equal "'changed': the first backends answer" "be1 be2" \
        "$(http_requests 192.0.2.10 30 14001 | sort -u | paste -sd ' ')"
    expect_equal "'kept': still the same backends for the same flows" "$first_answers" "$(answers)"
}

# --- the file changes ------------------------------------------------------------------------------------------------

# with_port PORT: the first configuration, with another port for 'changed'.
with_port() {
    first_config "s/10:80.tcp/10:$1\/tcp/"
}

file_changes() {
    echo "lb1\$ cat >lb.yaml"
    with_port 1001 >"$config"
    expect_soon "a file written in place is applied" lists 192.0.2.10:1001/tcp

    echo "lb1\$ mv lb.yaml.new lb.yaml"
    with_port 1002 | put_config
    expect_soon "a file replaced is applied" lists 192.0.2.10:1002/tcp

    with_port 1003 | put_config
    kill -HUP "$(pid_of lb1-agent)"
    expect_soon "SIGHUP" lists 192.0.2.10:1003/tcp

    echo "lb1\$ rm lb.yaml"
    rm "$config"
    expect_soon "a file that vanishes is refused" last_reload_refused
    expect "and nothing changes" lists 192.0.2.10:1003/tcp
    with_port 1004 | put_config
    expect_soon "a file that comes back is applied" lists 192.0.2.10:1004/tcp
}

# config_map NUMBER PORT: what Kubernetes does when a mounted ConfigMap changes: map/lb.yaml -> ..data/lb.yaml, where
# ..data is a link to a directory of its own for each version. Here etc/lb.yaml leads there, too.
config_map() {
    echo "lb1\$ ln -s ..version-$1 ..data"
    mkdir "$LAB_DIR/map/..version-$1"
    with_port "$2" >"$LAB_DIR/map/..version-$1/lb.yaml"
    ln -s "..version-$1" "$LAB_DIR/map/..data_tmp"
    mv -T "$LAB_DIR/map/..data_tmp" "$LAB_DIR/map/..data"
    rm -rf "$LAB_DIR/map/..version-$(($1 - 1))"
}

config_map_changes() {
    local number
    mkdir "$LAB_DIR/etc" "$LAB_DIR/map"
    ln -s ..data/lb.yaml "$LAB_DIR/map/lb.yaml"
    ln -s ../map/lb.yaml "$LAB_DIR/etc/lb.yaml"
    config_map 1 1101
    stop lb1-agent || fail "the agent ended with status $? on SIGTERM"
    run_agent "$LAB_DIR/etc/lb.yaml"
    for number in 2 3 4; do
        config_map "$number" "110$number"
        expect_soon "a ConfigMap's version $number is applied" lists "192.0.2.10:110$number/tcp"
    done
    stop lb1-agent || fail "the agent ended with status $? on SIGTERM"
    first_config | put_config
    run_agent "$config"
}

# --- refused ---------------------------------------------------------------------------------------------------------

# refused "what" PATTERN SED_EXPRESSION: the file changed that way.
refused() {
    local status=0 running
    running=$(digests lb1)
    first_config "$3" | put_config
    cmp -s "$config" <(first_config) && fail "$1: '$3' changes nothing"
    echo "lb1\$ sed -i '$3' lb.yaml; guideway reload"
    reload >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr" || status=$?
    cat "$LAB_DIR/stderr"
    expect_equal "$1: exit status" 1 "$status"
    expect "$1: it says /$2/" grep -qE -- "$2" "$LAB_DIR/stderr"
    expect "$1: status says so, too" last_reload_refused
    expect_equal "$1: in the same words" "$(<"$LAB_DIR/stderr")" "$(status lb1 '.agent.last_reload.errors[]')"
    expect_equal "$1: the running tables stay" "$running" "$(digests lb1)"
    expect_equal "$1: and so do its services" "changed kept removed" "$(status lb1 '[.services[].name] | join(" ")')"
}

refusals() {
    local moves='does not change by a reload, since nearly all flows would move; restart'
    local maps='does not change by a reload, since maps would have to be made anew; restart'
    local state='does not change by a reload, since the running state is there; restart'
    refused "another hash_key" "^hash_key: $moves" 's/5b7a/5b7b/'
    refused "another table_size" "^datapath.table_size: $moves" 's/65537/251/'
    refused "another max_services" "^datapath.max_services: $maps" 's/max_services: 16/max_services: 17/'
    refused "another max_backends" "^datapath.max_backends: $maps" 's/max_backends: 512/max_backends: 513/'
    refused "another max_flows" "^datapath.max_flows: $maps" 's/max_flows: 65536/max_flows: 65537/'
    refused "another affinity" "^services\[0\].affinity: $moves" 's/affinity: flow/affinity: client/'
    refused "other pins" "^pins: $state" 's|bpf/lb1|bpf/lb9|'
    refused "another runtime_dir" "^runtime_dir: $state" 's|lab/lb1|lab/lb9|'
    refused "no such interface" 'eth9: no such interface' 's/eth0/eth9/'
    refused "a good change beside a bad one" '^hash_key:' 's/5b7a/5b7b/; s/:80.tcp/:82\/tcp/; /name: removed/,$d'
    first_config | put_config
    expect_soon "the first configuration is back: status says so" status lb1 .agent.last_reload.ok
}

# --- too much --------------------------------------------------------------------------------------------------------

limited() {
    first_config '/^services:/i reload: {max_move: 10%}' "$@"
}

too_much() {
    limited | put_config
    expect "reload.max_move is applied" reload
    limited 's/10.0.0.101, 10.0.0.102]$/10.0.0.101, {address: 10.0.0.102, weight: 150}]/' | put_config
    expect_soon "a changed file that moves more is refused" last_reload_refused
    expect "with what it would move" status lb1 \
        '.agent.last_reload.errors[0] | test("^services: changed would move [0-9]+ of 65537 slots .[0-9.]+%.: [0-9]+ must, [0-9]+ besides; reload.max_move is 10%$")'
    expect "and what to do" status lb1 '.agent.last_reload.errors[1] == "if that is meant: guideway reload --force"'
    expect "an order to reload is refused as well" eval '! reload 2>"$LAB_DIR/stderr"'
    expect "in the same words" grep -q '^services: changed would move' "$LAB_DIR/stderr"
    expect "reload --force is applied" on lb1 "$GUIDEWAY" reload --force --runtime-dir "$(runtime_dir_of lb1)"
    expect "the weight is the new one" status lb1 '.services[] | select(.name == "changed").backends[1].weight == 150'
    limited 's/10.0.0.101, 10.0.0.102]$/10.0.0.101, {address: 10.0.0.102, weight: 145}]/' | put_config
    expect "what moves less is applied" reload
    limited '/name: removed/,$d' | put_config
    expect_soon "a file from which a service has vanished is refused" last_reload_refused
    expect "with its name" status lb1 '.agent.last_reload.errors | any(. == "services: removed would be removed, which reload.max_move 10% does not allow")'
    limited 's/name: removed/name: renamed/' 's/10.0.0.101, 10.0.0.102]$/10.0.0.101, {address: 10.0.0.102, weight: 145}]/' | put_config
    expect "a service that is renamed has not vanished" reload
    first_config | put_config
    expect "reload --force is applied" on lb1 "$GUIDEWAY" reload --force --runtime-dir "$(runtime_dir_of lb1)"
}

# Each bad file, under traffic.
bad_files() {
    local file name running count=0
    mkdir "$LAB_DIR/keys"
    echo oops >"$LAB_DIR/keys/bad"
    "$GUIDEWAY" genkey >"$LAB_DIR/keys/good"
    running=$(digests lb1)
    start_numbered 9000 --rate 2000
    for file in tests/fixtures/config/bad/*.yaml; do
        name=$(basename "$file")
        in_this_lab "$file" | put_config
        ! reload >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr" || fail "$name is not refused"
        in_this_lab "${file%.yaml}.expected" | sed "s|^$name:|$config:|" >"$LAB_DIR/expected"
        head -n "$(wc -l <"$LAB_DIR/expected")" "$LAB_DIR/stderr" | diff "$LAB_DIR/expected" - ||
            fail "$name: refused with other words"
        count=$((count + 1))
    done
    finish_numbered
    expect "$count bad files are refused with their errors, and no packet is lost" clean
    expect_more "there are many of them" 60 "$count"
    expect_equal "the tables are those from before" "$running" "$(digests lb1)"
    expect "status says that the last was refused" last_reload_refused
}

# The fixtures' key files.
in_this_lab() {
    sed "s|/keys/|$LAB_DIR/keys/|g" "$1"
}

lab_up
start_backends be1 be2 be3
first_config | put_config
run_agent "$config"

not_touched
file_changes
config_map_changes
refusals
too_much
bad_files
