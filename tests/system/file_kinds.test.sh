#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# A FIFO, a directory or a device in the place of each file that the agent or the backend's helper reads or writes: nobody
# waits for it, a sentence says what is there, and SIGTERM ends the program. (Of the configuration file:
# config_file.test.sh.)
#
#     lb1: keys, certificates, RUNTIME_DIR, STATE_DIR        be1: RUNTIME_DIR
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_VERBOSE=yes
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/lb1.sh"
cd "$LAB_ROOT"
lab_enter "$@"

config=$LAB_DIR/lb.yaml
state=$LAB_DIR/state
declare -A said_of=([fifo]="it is a FIFO" [directory]="it is a directory" [device]="it is a device")

# put KIND PATH: in the place of what is there.
put() {
    rm -rf "$2"
    case $1 in
    fifo) mkfifo "$2" ;;
    directory) mkdir "$2" ;;
    device) ln -s /dev/zero "$2" ;;
    esac
}

# write_config [LINE...]: and these lines of the root.
write_config() {
    cat >"$config.new" <<-END
		interfaces: [eth0]
		hash_key_file: $LAB_DIR/hash.key
		$(printf '%s\n' "$@")
		services:
		  - name: web
		    listen: ["192.0.2.10:80/tcp"]
		    health: {check: https, tls_verify: true, host: www.example.com, ca_file: $LAB_DIR/ca.pem}
		    backends: [10.0.0.101]
	END
    mv "$config.new" "$config"
}

run_agent() {
    start_agent lb1 "$config" --state-dir "$state"
    await "lb1 to be ready" agent_ready lb1
}

said() {
    grep -qF -- "$1" "$(log_of lb1-agent)"
}

reload() {
    timeout 60 nsenter --net=/run/netns/lb1 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)" 2>"$LAB_DIR/stderr"
}

# read_file KEY KIND FILE: a file that the configuration names.
read_file() {
    local sentence="read $3: ${said_of[$2]}, and must be a regular file"
    cp -p "$3" "$LAB_DIR/kept"
    put "$2" "$3"
    expect "$1, a $2: a reload is refused" eval '! reload'
    expect "$1, a $2: with a sentence" grep -qF "$sentence" "$LAB_DIR/stderr"
    expect "$1, a $2: the service stays" status lb1 '.services[0].name == "web"'
    expect "$1, a $2: the agent ends on SIGTERM" stop lb1-agent
    start_agent lb1 "$config" --state-dir "$state"
    expect "$1, a $2: an agent does not start" eval '! finish lb1-agent'
    expect "$1, a $2: and says why: $(<"$(log_of lb1-agent)")" said "$sentence"
    rm -r "$3"
    cp -p "$LAB_DIR/kept" "$3"
    run_agent
}

# checked KEY KIND FILE: one that `check` reads, too.
checked() {
    cp -p "$3" "$LAB_DIR/kept"
    put "$2" "$3"
    expect "$1, a $2: check refuses it" eval '! timeout 60 "$GUIDEWAY" check -c "$config" 2>"$LAB_DIR/stderr"'
    expect "$1, a $2: at its place" grep -qE "^$config:[0-9]+:[0-9]+: .*$1: read $3: ${said_of[$2]}" "$LAB_DIR/stderr"
    rm -r "$3"
    cp -p "$LAB_DIR/kept" "$3"
}

# password_file KIND: of a section that comes with it.
password_file() {
    write_config "bgp: {local_as: 64512, router_id: 10.0.0.11, peers: [{address: 10.0.0.1, as: 64512, password_file: $LAB_DIR/bgp.password}]}"
    echo secret >"$LAB_DIR/bgp.password"
    checked password_file "$1" "$LAB_DIR/bgp.password"
    put "$1" "$LAB_DIR/bgp.password"
    expect "password_file, a $1: a reload is refused" eval '! reload'
    expect "password_file, a $1: with a sentence" grep -qF "read $LAB_DIR/bgp.password: ${said_of[$1]}" "$LAB_DIR/stderr"
    expect "password_file, a $1: the service stays" status lb1 '.services[0].name == "web"'
    rm -r "$LAB_DIR/bgp.password"
    write_config
    expect "without it the file is read again" reload
}

# give_orders KIND FILE CAUSE: they are obeyed, unless a directory stands where they are to be kept.
give_orders() {
    if [[ $1 == directory && $2 == *overrides.json* ]]; then
        expect "$2, a $1: an order that cannot be kept is refused" eval '! guideway drain --force 10.0.0.101 2>"$LAB_DIR/stderr"'
        expect "$2, a $1: with a sentence" grep -q "write $2: $3" "$LAB_DIR/stderr"
    else
        expect "$2, a $1: orders are obeyed" guideway drain --force 10.0.0.101
        expect "and taken back" guideway undrain 10.0.0.101
    fi
}

# state_file KIND FILE: what the agent keeps, of which it can do without.
state_file() {
    put "$1" "$2"
    run_agent
    expect "$2, a $1: a sentence says so" said "read $2: ${said_of[$1]}, and must be a regular file; "
    give_orders "$1" "$2" "Is a directory"
    expect "$2, a $1: the agent ends on SIGTERM" stop lb1-agent
    [[ $1 == directory ]] || expect "$2: is a file again" test -f "$2" -a ! -L "$2"
    rm -r "$2"
}

# new_file KIND FILE: where the next version of a file is written.
new_file() {
    put "$1" "$2.new"
    run_agent
    give_orders "$1" "$2.new" "File exists"
    expect "$2.new, a $1: the agent ends on SIGTERM" stop lb1-agent
    if [[ $1 == directory ]]; then
        [[ $2 == *overrides.json ]] || expect "$2.new, a $1: a sentence says so" said "write $2.new: File exists"
        rmdir "$2.new"
    else
        expect "$2.new, a $1: it has given way" test ! -e "$2.new" -a -f "$2"
        rm "$2"
    fi
}

helper_said() {
    grep -qF -- "$1" "$(log_of be1-backend)"
}

# undo_list KIND: what the backend's helper is to take back when it ends.
undo_list() {
    local list
    list=$(runtime_dir_of be1)/undo
    stop be1-backend
    put "$1" "$list"
    start_backend be1
    if [[ $1 == directory ]]; then
        expect "undo, a $1: the helper does not start" eval '! finish be1-backend'
        expect "undo, a $1: it says why" helper_said "write $list: Is a directory"
    else
        await "be1 to unwrap" unwraps be1
        expect "undo, a $1: the helper ends on SIGTERM" stop be1-backend
    fi
    expect "undo, a $1: a sentence says so" helper_said "read $list: ${said_of[$1]}, and must be a regular file; "
    rm -rf "$list"
    put "$1" "$list.new"
    start_backend be1 --vip 192.0.2.99
    if [[ $1 == directory ]]; then
        expect "undo.new, a $1: the helper does not start" eval '! finish be1-backend'
        expect "undo.new, a $1: it says why" helper_said "write $list.new: File exists"
    else
        await "be1 to unwrap" unwraps be1
        expect "undo.new, a $1: the helper ends on SIGTERM" stop be1-backend
        expect "undo.new, a $1: it has given way" test ! -e "$list.new" -a -f "$list"
    fi
    rm -rf "$list.new"
    start_backend be1
    await "be1 to unwrap" unwraps be1
}

lab_up
start_backends be1
umask 077
"$GUIDEWAY" genkey -o "$LAB_DIR/hash.key"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=www.example.com -days 2 \
    -keyout "$LAB_DIR/ca.key" -out "$LAB_DIR/ca.pem" 2>/dev/null
write_config
run_agent
for kind in fifo directory device; do
    checked hash_key_file $kind "$LAB_DIR/hash.key"
    read_file hash_key_file $kind "$LAB_DIR/hash.key"
    password_file $kind
    read_file ca_file $kind "$LAB_DIR/ca.pem"
done
stop lb1-agent
for kind in fifo directory device; do
    state_file $kind "$state/overrides.json"
    state_file $kind "$(runtime_dir_of lb1)/health.json"
    new_file $kind "$state/overrides.json"
    new_file $kind "$(runtime_dir_of lb1)/health.json"
    [[ $kind == directory ]] || undo_list $kind
done
