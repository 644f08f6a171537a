#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2016
#
# Follows README.md and docs/ to the letter, as a reader does who sets up a balancer and a backend host: the files that
# the pages show are written, their commands run, with this network's addresses in place of theirs.
#
#     client --- router === this machine: guideway.service ===> be1: guideway-backend.service
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/machine.sh"
. "$LAB_ROOT/tests/page.sh"

readme=README.md
operations=docs/operations.md
unwrapping=docs/backends.md
page_substitutes=(
    -e "s/10\.0\.1\.11\b/$(lab_ipv4 be1)/g"
    -e 's/10\.0\.1\.12\b/10.0.0.102/g' # nobody's: a backend that does not answer
    -e 's/2001:db8::10\b/2001:db8:1::10/g'
    -e '/^.\/scripts\/package\b/d' # on another machine: test-vm has built it
)

# What the reader does in an editor, and a yes where apt asks.
prepare_reader() {
    mkdir -p /root/reader/build-package
    cd /root/reader
    cp "$LAB_ROOT/$packages/older.deb" build-package/guideway_0_amd64.deb
    ln -s build-package/guideway_0_amd64.deb guideway_OLD_amd64.deb
    ln -s "$LAB_ROOT/$packages/newer.deb" guideway_NEW_amd64.deb
    printf '#!/bin/sh\nsed -i "s/weight: 50/weight: 60/" "$1"\n' >/usr/local/bin/editor
    chmod +x /usr/local/bin/editor
    echo 'APT::Get::Assume-Yes "true";' >/etc/apt/apt.conf.d/90reader
}

# --- what came of it -------------------------------------------------------------------------------------------------

first_port=20000

client_is_served() {
    first_port=$((first_port + 1)) # none is used twice
    [[ $(http_requests 192.0.2.10 1 "$first_port") == be1 ]]
}

installed_version() {
    dpkg-query --show --showformat '${Version}' guideway
}

main() {
    prepare_reader
    move_backend_unit
    start_app be1
    follow "$readme" Install 1
    write_file "$config" "$readme" Configure 1
    follow "$readme" Configure 2
    write_file /etc/guideway/backend.yaml "$readme" Configure 3
    follow "$readme" "Start, check" 1
    expect_soon "a client is served" client_is_served

    write_file /etc/guideway/backend.yaml "$unwrapping" 'With `guideway backend`' 1
    follow "$unwrapping" 'With `guideway backend`' 2
    expect_soon "served with the other page's file, too" client_is_served

    follow "$operations" "Change the configuration" 1
    expect_equal "the change is applied" 60 "$(status lb1 '.services[0].backends[] | select(.name == "web-2").weight')"

    local version
    version=$(installed_version)
    follow "$operations" "Upgrade, roll back" 1
    expect_equal "upgraded" "$version+newer" "$(installed_version)"
    expect_soon "and served" client_is_served
    follow "$operations" "Upgrade, roll back" 2
    expect_equal "rolled back" "$version" "$(installed_version)"
    expect_soon "and served" client_is_served

    on be1 guideway detach --backend
    follow "$operations" Remove 1
    expect_soon "removed: no program on the balancer's interface" xdp_detached lb1
    expect_soon "none on the backend's" xdp_detached be1
    expect_equal "nothing is pinned" "" "$(find /sys/fs/bpf -name '*guideway*')"
    rm -r /etc/systemd/system/guideway-backend.service.d /etc/guideway
    stop be1-app || true
}

main
