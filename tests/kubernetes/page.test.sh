#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR disable=SC2317
#
# Follows docs/kubernetes.md to the letter, as a platform engineer does. There is no API server: what kubectl would tell
# it, kubectl() here does on the lab's nodes; what kubectl does by itself (kustomize, patches, secrets), kubectl does.
# Run by scripts/test-kubernetes.
#
#     client --- router (BIRD) === pods on lb1, lb2 ===> pods on be1, be2
set -euo pipefail
LAB_BALANCERS=2
LAB_BACKENDS=2
LAB_VIPS=192.0.2.10
LAB_TIMEOUT=60
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lab"
. "$LAB_ROOT/tests/system/guideway.sh"
. "$LAB_ROOT/tests/system/router.sh"
. "$LAB_ROOT/tests/kubernetes/nodes.sh"
. "$LAB_ROOT/tests/page.sh"
cd "$LAB_ROOT"
lab_enter "$@"

page=docs/kubernetes.md
cluster=$LAB_DIR/cluster # what an API server would know: nodes by label, objects, DaemonSets' patches
first_port=20000

# --- the reader's commands -------------------------------------------------------------------------------------------

# In this shell, whose variables and functions the page's lines use.
follow_line() {
    eval "$1"
}

guideway() {
    "$GUIDEWAY" "$@"
}

# What the reader changes: a service more, another image; the rest fits the lab as it is.
editor() {
    case $1-${edited-} in
    */guideway.yaml-) ;;
    */guideway.yaml-yes) echo '  - {name: added, listen: ["192.0.2.10:81/tcp"], backends: [10.0.0.101]}' >>"$1" ;;
    */kustomization.yaml-*) echo 'images: [{name: guideway, newTag: upgraded}]' >>"$1" ;;
    esac
    [[ $1 != */guideway.yaml ]] || edited=yes
}

kubectl() {
    case "$*" in
    "create -f "* | "delete -f "*) ;;
    *"create secret"*) command kubectl "$@" --dry-run=client -o yaml >"$cluster/secret.yaml" ;;
    "label node "*) label_nodes "${@:3}" ;;
    "apply -k "*) apply "$3" ;;
    "delete -k "*) delete_all ;;
    *" get pods "*) on lb1 podman pod ps ;;
    *" exec daemonset/"*) exec_in "${4#daemonset/}" "${@:6}" ;;
    *" patch daemonset "*) patch "$5" "${@:6}" ;;
    *" rollout status "*) roll_out "${5#daemonset/}" ;;
    *) fail "the page has a kubectl that this test does not know: $*" ;;
    esac
}

# label_nodes NODE... guideway/ROLE=true|guideway/ROLE-
label_nodes() {
    local role=${!#}
    role=${role#guideway/}
    if [[ $role == *- ]]; then
        take_out "guideway-${role%-}" "${@:1:$#-1}"
    else
        printf '%s\n' "${@:1:$#-1}" >"$cluster/guideway-${role%=true}"
    fi
}

# take_out DAEMONSET NODE...: the controller deletes their pods.
take_out() {
    local node
    for node in "${@:2}"; do
        sed -i "/^$node$/d" "$cluster/$1"
        unplay "$node"
    done
}

# nodes_of DAEMONSET
nodes_of() {
    cat "$cluster/$1"
}

# Volumes change at once, as they do within the kubelet's period; pods when they are rolled out.
apply() {
    local node
    { command kubectl kustomize "$1" && echo --- && cat "$cluster/secret.yaml"; } >"$LAB_DIR/objects.yaml"
    for node in $(nodes_of guideway-backend) $(nodes_of guideway-balancer); do
        make_pod "$node"
        if ! on "$node" podman pod exists "$(pod_of "$node")"; then
            play "$node"
            await "the pod of $node to be ready" ready "$node"
        fi
    done
}

# patch DAEMONSET OPTION...
patch() {
    command kubectl patch --local -f <(of_kind "$1") "${@:2}" -o yaml >"$LAB_DIR/patched.yaml"
    { everything_but "$1" && echo --- && cat "$LAB_DIR/patched.yaml"; } >"$LAB_DIR/objects.new"
    mv "$LAB_DIR/objects.new" "$LAB_DIR/objects.yaml"
}

of_kind() {
    select_objects "$1" ==
}

everything_but() {
    select_objects "$1" !=
}

# select_objects DAEMONSET ==|!=
select_objects() {
    python3 -c '
import sys, yaml
objects = [o for o in yaml.safe_load_all(open(sys.argv[1])) if o]
chosen = [o for o in objects if (o["kind"] == "DaemonSet" and o["metadata"]["name"] == sys.argv[2]) == (sys.argv[3] == "==")]
print(yaml.safe_dump_all(chosen))' "$LAB_DIR/objects.yaml" "$@"
}

# One node after the other.
roll_out() {
    local node
    for node in $(nodes_of "$1"); do
        unplay "$node"
        play "$node"
        await "the pod of $node to be ready" ready "$node"
    done
}

exec_in() {
    local node
    node=$(nodes_of "$1" | head -n 1)
    on "$node" podman exec "$(pod_of "$node")-$(container_of "$node")" "${@:2}"
}

delete_all() {
    local node
    for node in $(nodes_of guideway-balancer) $(nodes_of guideway-backend); do
        unplay "$node"
    done
}

# --- what came of it -------------------------------------------------------------------------------------------------

client_is_served() {
    first_port=$((first_port + 10)) # none is used twice
    [[ $(http_requests 192.0.2.10 10 "$first_port" | sort -u | paste -sd ,) == be1,be2 ]]
}

nothing_is_left() {
    local node
    for node in lb1 lb2 be1 be2; do
        expect_soon "$node: no program" xdp_detached "$node"
        expect_equal "$node: nothing is pinned" "" "$(ls "/sys/fs/bpf/$node")"
    done
    expect_equal "the VIP is no address" "" "$(ip -n be1 -oneline address show to 192.0.2.10)"
    expect_soon "the router has no route" goes_via ""
}

lab_up
remove_static_routes
start_router bird
configure_podman
make_nodes
start_app be1
start_app be2
mkdir -p "$cluster" "$LAB_DIR/reader"
cp -r configs "$LAB_DIR/reader"
cd "$LAB_DIR/reader"
follow "$page" Install 1
expect_soon "both balancers are announced" goes_via "lb1 lb2"
expect_soon "a client is served" client_is_served
follow "$page" Install 3
follow "$page" Change 1
expect_soon "the service is there, on lb2, too" status lb2 '[.services[].name] | index("added")'
tag=$(program_tag lb2)
follow "$page" Upgrade 1
expect "upgraded: its program is another one" test "$tag" != "$(program_tag lb2)"
expect_soon "both are announced" goes_via "lb1 lb2"
expect_soon "a client is served" client_is_served
follow "$page" "Take a node out" 1
expect "lb2's routes were gone before its pod" goes_via lb1
label_nodes lb1 lb2 guideway/balancer=true
play lb2
expect_soon "it is back" goes_via "lb1 lb2"
follow "$page" Remove 1
nothing_is_left
