#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The hash key: who may read it, and what is said when it is another after a restart.
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

key=$LAB_DIR/hash.key

mode_of() {
    stat -c %a "$1"
}

write_config() {
    cat >"$LAB_DIR/lb.yaml" <<-END
	interfaces: [eth0]
	hash_key_file: $key
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp"]
	    backends: [10.0.0.101]
	END
}

# check_with MODE: whether a configuration with a key file of that mode is good.
check_with() {
    chmod "$1" "$key"
    "$GUIDEWAY" check -c "$LAB_DIR/lb.yaml" >"$LAB_DIR/stdout" 2>"$LAB_DIR/stderr"
}

is_refused() {
    ! check_with "$1" && grep -q "lb.yaml:2:.*hash_key_file: $key: others can .*chmod 600 $key" "$LAB_DIR/stderr"
}

umask 022
expect "genkey -o makes a file" "$GUIDEWAY" genkey -o "$key"
expect_equal "which its owner alone can read" 600 "$(mode_of "$key")"
expect "with a key in it" grep -qxE '[0-9a-f]{32}' "$key"
before=$(<"$key")
expect "another key does not take its place" eval '! "$GUIDEWAY" genkey -o "$key" 2>"$LAB_DIR/stderr"'
expect_equal "and it says why" "guideway: write $key: File exists" "$(<"$LAB_DIR/stderr")"
expect_equal "nothing is lost" "$before" "$(<"$key")"
"$GUIDEWAY" genkey >"$LAB_DIR/redirected"
expect_equal "a file that the shell made becomes the owner's alone" 600 "$(mode_of "$LAB_DIR/redirected")"
expect_equal "a pipe is a pipe" 1 "$("$GUIDEWAY" genkey | grep -cxE '[0-9a-f]{32}')"

write_config
for mode in 600 400 640 440; do
    expect "a key of mode $mode is taken" check_with "$mode"
done
for mode in 644 604 602 620 660 666 777; do
    expect "one of mode $mode is refused" is_refused "$mode"
done
chmod 600 "$key"

chown 65534 "$key"
expect "a key that another user owns is refused" eval '! check_with 600'
expect "with its place, and what to do" \
    grep -q "lb.yaml:2:.*hash_key_file: $key: user 65534 owns this secret, .*: chown root $key" "$LAB_DIR/stderr"
ln -s "$key" "$LAB_DIR/link"
chown -h 0 "$LAB_DIR/link"
sed -i "s|^hash_key_file:.*|hash_key_file: $LAB_DIR/link|" "$LAB_DIR/lb.yaml"
expect "so is one behind a link of root's" eval '! check_with 600'
write_config
chown 0 "$key"
expect "when root has it, it is taken" check_with 600

lab_up
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
expect_equal "a first start says nothing of keys" 0 "$(grep -c 'hash key' "$(log_of lb1-agent)" || true)"
fingerprint=$(status lb1 .agent.fingerprint)
expect "the fingerprint is no key" test "$fingerprint" != "$(<"$key")"
stop lb1-agent
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
expect_equal "nor does a restart with the same key" 0 "$(grep -c 'hash key' "$(log_of lb1-agent)" || true)"
expect_equal "its fingerprint is the same" "$fingerprint" "$(status lb1 .agent.fingerprint)"
chown 65534 "$key"
expect "a reload with a key that another user owns is refused" \
    eval '! on lb1 "$GUIDEWAY" reload --runtime-dir "$(runtime_dir_of lb1)" 2>"$LAB_DIR/stderr"'
expect "and says so" grep -q 'user 65534 owns this secret' "$LAB_DIR/stderr"
stop lb1-agent
start_agent lb1 "$LAB_DIR/lb.yaml"
expect "an agent does not start with it" eval '! finish lb1-agent'
expect "and says so, too" grep -q 'user 65534 owns this secret' "$(log_of lb1-agent)"
rm "$key"
"$GUIDEWAY" genkey -o "$key"
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
expect "one with another key does" grep -q 'warning: the hash key is another .* connections break' "$(log_of lb1-agent)"
expect "its fingerprint is another" test "$fingerprint" != "$(status lb1 .agent.fingerprint)"
stop lb1-agent
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
expect_equal "which the next one takes for granted" 0 "$(grep -c 'hash key' "$(log_of lb1-agent)" || true)"
