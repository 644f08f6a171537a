#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# guideway doctor names what was broken, on balancer and backend, and nothing else.
#
#     client --- router --- lb1 ---> be1, be2, be3
set -euo pipefail
LAB_BALANCERS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

config=$LAB_DIR/lb1.yaml

# write_config [SED]: web alone, probed, with its key in a file.
write_config() {
    {
        sed "/name: echo/,\$d; s/^hash_key: .*/hash_key_file: ${LAB_DIR//\//\\/}\/key/; ${1-}
            s/^    backends:/    health: {check: tcp, interval: 300ms, timeout: 250ms, rise: 2, fall: 2}\\n&/" configs/demo.yaml
    } >"$config.new"
    mv "$config.new" "$config"
}

# doctor [HOST [OPTION]...]: which checks find something, and about what.
doctor() {
    local host=${1-lb1}
    on "$host" "$GUIDEWAY" doctor --json --runtime-dir "$(runtime_dir_of "$host")" --pins "${pins-$(pins_of "$host")}" "${@:2}" |
        jq -r '[.findings[] | "\(.check) \(.object)"] | join(", ")'
}

finds() {
    [[ $(doctor "${@:2}") == "$1" ]]
}

lab_up
start_backends be1 be2 be3
"$GUIDEWAY" genkey -o "$LAB_DIR/key"
write_config
expect_equal "before the first start nothing is wrong" "" "$(doctor lb1 -c "$config")"
ip -n lb1 link add taken0 numrxqueues 4 numtxqueues 4 type veth peer name taken1 numrxqueues 4 numtxqueues 4
ip -n lb1 link set taken0 up xdpdrv obj "$LAB_DIR/xdp_pass.bpf.o" sec xdp.frags
ip -n lb1 link set taken1 up
write_config 's/eth0/taken0/'
expect_equal "but for another's program" "other_program taken0" "$(doctor lb1 -c "$config")"
write_config 's/eth0/eth9/'
expect_equal "an interface that is not there" "interface eth9" "$(doctor lb1 -c "$config")"
write_config 's/be2, address: 10.0.0.102/be2, address: 10.0.0.103/'
expect_equal "a file that is wrong" "configuration $config" "$(doctor lb1 -c "$config")"
expect_equal "and pins on no BPF file system" "bpf_file_system /tmp/pins" \
    "$(write_config && pins=/tmp/pins doctor lb1 -c "$config")"
on lb1 ethtool -L eth0 rx 1
expect_equal "and one queue where there could be more" "queues eth0" "$(doctor lb1 -c "$config")"
on lb1 ethtool -L eth0 rx "$LAB_QUEUES"

write_config
start_agent lb1 "$config"
await "lb1 to be ready" agent_ready lb1
expect_soon "of a balancer that runs nothing is wrong" finds ""
stop be2-app || true
expect_soon "a backend whose application is dead" finds "health 10.0.0.102 of web"
start_app be2
expect_soon "is none when it is back" finds ""

chmod 644 "$LAB_DIR/key"
expect_equal "a key that others can read" "configuration $config" "$(doctor)"
chmod 600 "$LAB_DIR/key"
write_config 's/web/w b/'
expect_soon "a refused reload, and its file" finds "reload $config, configuration $config"
write_config
expect_soon "are none when the file is right" finds ""
limit=$(($(find "/proc/$(pid_of lb1-agent)/fd" -mindepth 1 | wc -l) + 3))
prlimit --pid "$(pid_of lb1-agent)" --nofile="$limit:4096"
expect_equal "few descriptors" "descriptors process $(pid_of lb1-agent)" "$(doctor)"
prlimit --pid "$(pid_of lb1-agent)" --nofile=4096:4096

# A bridge's driver has no native XDP.
ip -n lb1 link add gen0 type bridge
ip -n lb1 link set gen0 up
ip -n lb1 link set taken1 master gen0
write_config 's/\[eth0\]/[eth0, gen0]/'
expect_soon "generic mode" finds "interface_mode gen0"
ip -n lb1 link set gen0 down
expect_soon "an interface that is down" finds "interface gen0"
write_config
expect_soon "is none when it is not asked for" finds ""

kill -STOP "$(pid_of lb1-agent)"
expect_equal "an agent that hangs is none that is gone" "agent process $(pid_of lb1-agent)" "$(doctor)"
kill -CONT "$(pid_of lb1-agent)"
expect_soon "and it answers again" finds ""
stop lb1-agent KILL || true
expect_equal "an agent that died" "agent null" "$(doctor)"
expect "in words, with what mends it" grep -q 'mend  systemctl start guideway' \
    <(on lb1 "$GUIDEWAY" doctor --runtime-dir "$(runtime_dir_of lb1)" --pins "$(pins_of lb1)")
expect_equal "which it exits with 1 for" 1 \
    "$(on lb1 "$GUIDEWAY" doctor --runtime-dir "$(runtime_dir_of lb1)" --pins "$(pins_of lb1)" >/dev/null; echo $?)"

# --- backend ---------------------------------------------------------------------------------------------------------

expect_equal "of a backend nothing is wrong" "" "$(doctor be1)"
ip -n be3 link set eth0 mtu 1500
expect_soon "one whose MTU has no room for outer headers of either family" finds "host null, host null" be3
ip -n be3 link set eth0 mtu 1600
expect_soon "is well when it has" finds "" be3
stop be3-backend KILL || true
expect_equal "a helper that died" "helper null" "$(doctor be3)"
