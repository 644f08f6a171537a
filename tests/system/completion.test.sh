#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The Tab key in bash, zsh and fish: commands and options by their definitions, names by the running agent.
set -euo pipefail
LAB_BALANCERS=1
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
cd "$LAB_ROOT"
lab_enter "$@"

COMPLETIONS=$LAB_ROOT/packaging/completion

write_config() {
    cat >"$LAB_DIR/lb.yaml" <<-END
	interfaces: [eth0]
	hash_key: "5b7a0f3c91d2e6480c3f7a95e1b8d264"
	services:
	  - name: web
	    listen: ["192.0.2.10:80/tcp"]
	    backends: [{name: first, address: 10.0.0.101}, {name: second, address: "2001:db8:f::102"}]
	  - name: dns
	    listen: ["192.0.2.10:53/udp"]
	    backends: ["2001:db8:f::103"]
	END
}

# candidates WORDS...: what may stand where the last one is.
candidates() {
    on lb1 "$GUIDEWAY" complete -- "$@" | cut -f1 | sort | paste -sd' '
}

in_fish() {
    on lb1 fish --no-config -c "source $COMPLETIONS/guideway.fish; complete -C '$1'" | cut -f1 | sort | paste -sd' '
}

press_tab() {
    on lb1 "$LAB_ROOT/tests/system/press_tab.py" "$1" "$COMPLETIONS" "$2"
}

lab_up
write_config
start_agent lb1 "$LAB_DIR/lb.yaml"
await "lb1 to be ready" agent_ready lb1
mkdir "$LAB_DIR/bin"
ln -s "$GUIDEWAY" "$LAB_DIR/bin/guideway"
PATH=$LAB_DIR/bin:$PATH
DIRECTORY=$(runtime_dir_of lb1)

expect_equal "commands by how they begin" "reference reload replay" "$(candidates re)"
expect_equal "among them those that tell" "events" "$(candidates ev)"
expect_equal "the command that completes is not among them" "" "$(candidates complet)"
expect_equal "options" "--runtime-dir" "$(candidates undrain --run)"
expect_equal "values that are members of a list" "error" "$(candidates agent --log-level e)"
expect_equal "files" ":file" "$(candidates check -c "")"
expect_equal "directories" ":directory" "$(candidates status --runtime-dir "")"
expect_equal "verdicts" "no_listener" "$(candidates explain no_li)"
expect_equal "services of the agent" "dns web" "$(candidates drain first --runtime-dir "$DIRECTORY" --service "")"
expect_equal "also for what happened" "dns web" "$(candidates events --runtime-dir "$DIRECTORY" --service "")"
expect_equal "its backends" "2001:db8:f::103 first second" "$(candidates drain --runtime-dir "$DIRECTORY" "")"
expect_equal "those of one service" "2001:db8:f::103" "$(candidates drain --runtime-dir "$DIRECTORY" --service dns "")"
expect_equal "nothing after the last argument" "" "$(candidates drain first "")"
expect_equal "no agent, no names" "" "$(candidates drain --runtime-dir "$LAB_DIR/nowhere" "")"

expect_equal "fish completes commands" "disable" "$(in_fish "guideway disa")"
expect_equal "and backends" "second" "$(in_fish "guideway drain --runtime-dir $DIRECTORY s")"
for shell in bash zsh; do
    expect_equal "$shell completes commands, options and backends" "drain --runtime-dir $DIRECTORY --wait second" \
        "$(press_tab $shell "guideway dra\t--runtime-dir $DIRECTORY --wa\tsec\t")"
    expect_equal "also one with colons" "drain --runtime-dir $DIRECTORY 2001:db8:f::103" \
        "$(press_tab $shell "guideway drain --runtime-dir $DIRECTORY 2001:\t")"
    expect_equal "and files" "check -c $LAB_DIR/lb.yaml" "$(press_tab $shell "guideway che\t-c $LAB_DIR/lb.y\t")"
done
