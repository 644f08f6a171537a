#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The package on a Debian with systemd: installed, configured, upgraded and downgraded, hurt, rebooted, removed, purged.
# Whatever happens to the agent, the kernel forwards.
#
# In the VM of scripts/test-vm; status 75: to be run again after a reboot.
#
#     client --- router === this machine: guideway.service ===> be1: guideway-backend.service
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"

keeper=/root/maps-reader # a copy of the program, to ask the kernel's maps when the package is gone
after_reboot=75
rebooted=/var/lib/rebooted-by-test
rate=5000 # datagrams a second
held_connections=5000

# --- configurations --------------------------------------------------------------------------------------------------

# configure_balancer [SERVICE]: with this one besides.
configure_balancer() {
    cat >"$config.new" <<-END
	interfaces: [eth0]
	hash_key_file: /etc/guideway/hash.key
	services:
	  - name: web
	    listen: ["192.0.2.10:$CONNECTIONS_PORT/tcp", "[2001:db8:1::10]:$CONNECTIONS_PORT/tcp"]
	    health: {check: tcp, interval: 2s, timeout: 1900ms}
	    backends: [10.0.0.101]
	  - name: datagrams
	    listen: ["192.0.2.10:7/udp", "[2001:db8:1::10]:7/udp"]
	    backends: [10.0.0.101]
	${1-}
	END
    mv "$config.new" "$config"
}

configure_backend() {
    # shellcheck disable=SC2086 # one word per VIP
    cat >/etc/guideway/backend.yaml.new <<-END
	interfaces: [eth0]
	vips: [$(printf '"%s"\n' $LAB_VIPS | paste -sd ,)]
	balancers: ["$(lab_ipv4 lb1)", "$(lab_ipv6 lb1)"]
	END
    mv /etc/guideway/backend.yaml.new /etc/guideway/backend.yaml
}

# --- traffic ---------------------------------------------------------------------------------------------------------

datagrams_flow() {
    (($(service_packets lb1 datagrams) > ${1:-0} + 500))
}

# Nothing is lost, nothing breaks: "what happens" COMMAND...
unnoticed() {
    local what=$1 began=$SECONDS
    shift
    phase "$what"
    start_numbered 7 --rate "$rate"
    await "datagrams to flow" datagrams_flow "$(service_packets lb1 datagrams)"
    "$@"
    await "datagrams to flow after it" datagrams_flow "$(service_packets lb1 datagrams)"
    finish_numbered
    clean || fail "$what: $outcome"
    echo "ok: $what: no datagram is lost"
    checkpoint
    expect_none_broken "$what"
    echo "    ($((SECONDS - began)) s)"
}

hold_connections() {
    start_servers
    start_connections "$held_connections" --idle 1 --bulk 0 --request 0 --idle-every 20000
    await_established
    echo "ok: $held_connections connections are established"
}

# --- the steps -------------------------------------------------------------------------------------------------------

install_package() {
    mark_journal
    dpkg --install "$packages/older.deb"
    expect_equal "installed, no unit is enabled" "disabled disabled" "$(systemctl is-enabled "${units[@]}" | paste -sd ' ')"
    expect_equal "and none runs" "inactive inactive" "$(systemctl is-active "${units[@]}" | paste -sd ' ')"
}

refuses_to_start() {
    ! systemctl start "$1"
}

start_unconfigured() {
    expect "without a configuration the balancer does not start" refuses_to_start guideway
    expect_soon "and says what to write, and where" journal_says guideway "$config: No such file.*write"
    journal guideway | grep -F -m 1 "$config"
    expect "nor does the backend host" refuses_to_start guideway-backend
    expect_soon "and says so, too" journal_says guideway-backend "/etc/guideway/backend.yaml: No such file.*write"
}

configure_and_start() {
    move_backend_unit
    guideway genkey -o /etc/guideway/hash.key
    configure_balancer
    configure_backend
    expect "both start" systemctl start "${units[@]}"
    expect_soon "and forward" forwarding
}

install_version() {
    local before
    before=$(main_pid)
    dpkg --install "$1" 2>&1
    await "the agent of the other version" another_agent_than "$before"
    await "it to forward" forwarding
}

restart_all() {
    systemctl restart "${units[@]}"
    await "them to forward" forwarding
}

# send_agent SIGNAL: it is another one soon.
send_agent() {
    local before
    before=$(main_pid)
    kill "-$1" "$before"
    await "the next agent" another_agent_than "$before"
    await "it to forward" forwarding
}

reload_broken_file() {
    mark_journal
    printf 'interfaces: []\nservices:\n  - {name: web, listen: ["nonsense"]}\n' >"$config"
    expect "systemctl reload fails" eval '! systemctl reload guideway'
    expect_soon "and names the first error" journal_says guideway "$config:1:[0-9]+:"
    expect_soon "and another" journal_says guideway "$config:3:[0-9]+:"
    expect "the agent runs on" systemctl --quiet is-active guideway
    configure_balancer
    expect "the file as it was is accepted" systemctl reload guideway
}

remove_package() {
    dpkg --remove guideway 2>&1 | tee "$LAB_DIR/removal"
    expect "removal says that forwarding goes on" grep -q 'still forwarded' "$LAB_DIR/removal"
    expect_equal "the agent is stopped" inactive "$(systemctl is-active guideway || true)"
}

# What has its name and is not systemd's, and those of its files that are still there.
leftovers() {
    find /etc /run /sys/fs/bpf \( -path /run/systemd -o -path /etc/guideway \) -prune -o -name '*guideway*' -print
    find /var/lib /var/cache -maxdepth 3 -name '*guideway*'
    local file
    while read -r file; do
        [[ $file != *guideway* || $file == /etc/guideway || ! -e $file ]] || echo "$file"
    done <"$LAB_DIR/files"
}

purge_package() {
    rm -r /etc/systemd/system/guideway-backend.service.d
    dpkg --purge guideway 2>&1
    expect_soon "purged: no program on the balancer's interface" xdp_detached lb1
    expect_equal "no filter of health probes" "" "$(tc filter show dev eth0 egress)"
    expect_soon "no program on the backend's" xdp_detached be1
    expect_equal "nothing is left" "" "$(leftovers | sort -u)"
    expect_equal "but what was written by hand" "$written" "$(cd /etc/guideway && echo *)"
    expect_equal "systemd knows no unit" "not-found not-found" "$(property guideway LoadState) $(property guideway-backend LoadState)"
}

before_reboot() {
    mkdir -p "$LAB_DIR"
    expect "the network is there" ip -n be1 link show dev eth0
    install_package
    start_unconfigured
    configure_and_start
    hold_connections
    unnoticed "nothing at all" true
    local tag
    tag=$(program_tag lb1)
    unnoticed "an upgrade" install_version "$packages/newer.deb"
    expect "its program is attached" test "$tag" != "$(program_tag lb1)"
    unnoticed "a downgrade" install_version "$packages/older.deb"
    expect_equal "the older program is attached" "$tag" "$(program_tag lb1)"
    unnoticed "systemctl restart" restart_all
    unnoticed "kill -9 of the agent" send_agent KILL
    unnoticed "a hung agent" send_agent STOP
    unnoticed "a broken file" reload_broken_file
    end_connections
    expect "both are enabled" systemctl enable "${units[@]}"
    touch "$rebooted"
    sync
    exit "$after_reboot"
}

after_it() {
    mkdir -p "$LAB_DIR"
    expect_soon "after a reboot both run by themselves" both_active
    expect_soon "and forward" forwarding
    hold_connections
    written=$(cd /etc/guideway && echo *)
    dpkg --listfiles guideway >"$LAB_DIR/files"
    cp "$GUIDEWAY" "$keeper"
    expect_more "health probes are wrapped" 0 "$(tc filter show dev eth0 egress | wc -l)"
    GUIDEWAY=$keeper unnoticed "removal" remove_package
    end_connections
    purge_package
}

if [[ -e $rebooted ]]; then after_it; else before_reboot; fi
