#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The VM of scripts/test-vm as a balancer with systemd, in a network of its own; sourced by the tests of the package.
#
#   machine.sh network   what the VM's network.service does
# shellcheck disable=SC2034 # what those who source it read
set -euo pipefail
LAB_BALANCERS=1
LAB_BACKENDS=1
LAB_QUEUES=64   # an emulated processor stands still for a quarter of a second at times, and all must fit into them
LAB_TIMEOUT=120 # for the same reason; and the watchdog waits for half a minute
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/connections.sh"
cd "$LAB_ROOT"
GUIDEWAY=/usr/bin/guideway # the tools next to it are those of build/

packages=build/vm/packages # older.deb, newer.deb
config=/etc/guideway/guideway.yaml
units=(guideway.service guideway-backend.service)

# --- where things are, unlike in a lab -------------------------------------------------------------------------------

lab_create_namespaces() {
    printf 'netns add %s\n' client router be1 | ip -batch -
    ip netns attach lb1 1
}

pins_of() {
    case $1 in
    lb1) echo /sys/fs/bpf/guideway ;;
    be1) echo /sys/fs/bpf/guideway-backend ;;
    esac
}

runtime_dir_of() {
    case $1 in
    lb1) echo /run/guideway ;;
    be1) echo /run/guideway-backend ;;
    esac
}

# --- how it is -------------------------------------------------------------------------------------------------------

property() {
    systemctl show --property "$2" --value "$1"
}

main_pid() {
    property guideway MainPID
}

another_agent_than() {
    [[ $(main_pid) != "$1" && $(property guideway ActiveState) == active ]]
}

# The units' journal since the last mark_journal.
journal() {
    journalctl --quiet --output cat --after-cursor "$(<"$LAB_DIR/cursor")" --unit "$1"
}

mark_journal() {
    journalctl --quiet --lines 0 --show-cursor | sed -n 's/^-- cursor: //p' >"$LAB_DIR/cursor"
}

journal_says() {
    journal "$1" | grep -qE -- "$2"
}

both_active() {
    [[ $(systemctl is-active "${units[@]}" | paste -sd ' ') == "active active" ]]
}

forwarding() {
    next_hops_known lb1 && xdp_attached be1 && has_vips be1
}

lab_show_logs() {
    tail -n 5 "$LAB_DIR"/*.log 2>/dev/null || true
    journalctl --quiet --output short-monotonic --lines 40 -u guideway -u guideway-backend -u network
}

# The backend host is another machine: as much of one as a network namespace is.
move_backend_unit() {
    mkdir -p /etc/systemd/system/guideway-backend.service.d
    printf '[Service]\nNetworkNamespacePath=/run/netns/be1\n' >/etc/systemd/system/guideway-backend.service.d/be1.conf
    systemctl daemon-reload
}

if [[ $LAB_SELF == */machine.sh && ${1-} == network ]]; then
    mkdir -p "$LAB_DIR"
    sysctl -q -w net.core.netdev_max_backlog=20000 # as many as LAB_QUEUES hold
    lab_up
fi
