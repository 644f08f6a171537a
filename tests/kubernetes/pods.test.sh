#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# shellcheck source-path=SCRIPTDIR
#
# The DaemonSets of configs/kubernetes as pods, run by podman, one on each node of the lab, while connections and
# numbered datagrams go through them: replaced, killed, upgraded, given another ConfigMap, drained. Run by
# scripts/test-kubernetes, which builds the images.
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
. "$LAB_ROOT/tests/system/connections.sh"
. "$LAB_ROOT/tests/kubernetes/nodes.sh"
cd "$LAB_ROOT"
lab_enter "$@"

tag=latest # of the image
overlay=$LAB_DIR/overlay
datagram_port=9000

# --- what is deployed ------------------------------------------------------------------------------------------------

# write_overlay [SERVICE]: both-bgp as it is, and what is tested with; this service besides.
write_overlay() {
    mkdir -p "$overlay"
    { # shellcheck disable=SC2086
        cat configs/kubernetes/overlays/balancers-bgp/guideway.yaml
        cat <<-END
		  - name: connections
		    listen: ["192.0.2.10:$CONNECTIONS_PORT/tcp"]
		    backends: [{name: node-1, address: 10.0.0.101}, {name: node-2, address: 10.0.0.102}]
		  - name: datagrams
		    listen: ["192.0.2.10:$datagram_port/udp"]
		    backends: [{name: node-1, address: 10.0.0.101}, {name: node-2, address: 10.0.0.102}]
		${1-}
		END
    } >"$overlay/guideway.yaml"
    [[ -e $overlay/hash.key ]] || "$GUIDEWAY" genkey -o "$overlay/hash.key"
    cat >"$overlay/kustomization.yaml" <<-END
		apiVersion: kustomize.config.k8s.io/v1beta1
		kind: Kustomization
		namespace: guideway
		resources: [$(realpath --relative-to="$overlay" configs/kubernetes/overlays/both-bgp)]
		configMapGenerator:
		  - {name: guideway-balancer, behavior: merge, files: [guideway.yaml]}
		secretGenerator:
		  - {name: guideway-keys, files: [hash.key]}
		generatorOptions: {disableNameSuffixHash: true}
		images: [{name: guideway, newTag: $tag}]
	END
    kubectl kustomize "$overlay" >"$LAB_DIR/objects.yaml"
}

replace_pod() {
    unplay "$1"
    play "$1"
    await "$1 to be announced" goes_via "lb1 lb2"
}

kill_pod() {
    on "$1" podman pod kill --signal KILL "$(pod_of "$1")" >>"$LAB_DIR/$1/podman.log" 2>&1
    on "$1" podman pod rm --force "$(pod_of "$1")" >>"$LAB_DIR/$1/podman.log" 2>&1
    play "$1"
    await "$1 to be announced anew" in_step_with_router "$1"
}

# --- how it is -------------------------------------------------------------------------------------------------------

in_step_with_router() {
    ready "$1" && status "$1" '.bgp | .running and ([.peers[] | .state == "established" and .wanted == .announced] | all)'
}

# Nothing is lost, nothing breaks: "what happens" COMMAND...
unnoticed() {
    local what=$1
    shift
    phase "$what"
    start_numbered "$datagram_port" --rate 5000
    await "datagrams to flow" datagrams_flow
    "$@"
    finish_numbered
    clean || fail "$what: $outcome"
    echo "ok: $what: no datagram is lost"
    checkpoint
    expect_none_broken "$what"
}

datagrams_flow() {
    (($(service_packets lb1 datagrams) + $(service_packets lb2 datagrams) > 500))
}

# --- the steps -------------------------------------------------------------------------------------------------------

deploy() {
    local node
    for node in be1 be2; do
        play "$node"
        start_app "$node"
    done
    for node in be1 be2; do
        expect_soon "$node: its pod is ready" ready "$node"
    done
    for node in lb1 lb2; do
        play "$node"
    done
    for node in lb1 lb2; do
        expect_soon "$node: its pod is ready" ready "$node"
    done
    expect_soon "the router has both" goes_via "lb1 lb2"
    expect_equal "each found its own router ID" "10.0.0.11 10.0.0.12" \
        "$(grep -hoP 'router-id \K[0-9.]+' "$LAB_DIR"/lb?/run/bgp/*.conf | sort -u | paste -sd ' ')"
    expect_equal "all serve the page" be1,be2 "$(http_requests 192.0.2.10 20 20000 | sort -u | paste -sd ,)"
}

upgrade_balancers() {
    tag=upgraded write_overlay
    replace_pod lb1
    replace_pod lb2
}

replace_backends() {
    local node
    for node in be1 be2; do
        unplay "$node"
        play "$node"
        await "$node's pod to be ready" ready "$node"
    done
}

another_config_map() {
    local started
    started=$(status lb1 .agent.started)
    write_overlay '  - {name: added, listen: ["192.0.2.10:81/tcp"], backends: [{name: node-1, address: 10.0.0.101}]}'
    make_pod lb1
    make_pod lb2
    expect_soon "a service in the ConfigMap: lb1 has it" status lb1 '[.services[].name] | index("added")'
    expect_soon "lb2 has it" status lb2 '[.services[].name] | index("added")'
    expect_equal "by the same agent" "$started" "$(status lb1 .agent.started)"
}

drain_node() {
    unplay lb2
    expect "lb2's routes were gone before its pod" goes_via lb1
}

# As docs/kubernetes.md removes it: pods that take everything away when they end.
remove_all() {
    local node
    for node in lb1 be1 be2; do
        unplay "$node"
        jq '.spec.containers[0].args += ["--detach-on-exit"]' "$LAB_DIR/$node/pod.json" >"$LAB_DIR/$node/leaving.json"
        play_file "$node" leaving.json
        await "$node's pod to be ready" ready "$node"
        unplay "$node"
        expect_soon "$node: no program" xdp_detached "$node"
        expect_equal "$node: nothing is pinned" "" "$(ls "/sys/fs/bpf/$node")"
    done
    expect_equal "the VIP is no address" "" "$(ip -n be1 -oneline address show to 192.0.2.10)"
    expect_equal "no filter of health probes" "" "$(on lb1 tc filter show dev eth0 egress)"
}

# Without this capability it does not work: CAPABILITY.
needs() {
    jq --arg capability "$1" '.spec.containers[0].securityContext.capabilities.add -= [$capability]' \
        "$LAB_DIR/lb2/pod.json" >"$LAB_DIR/lb2/less.json"
    play_file lb2 less.json || true
    expect_soon "without $1: $2" "${@:3}"
    expect "and it is not ready" eval '! ready lb2'
    on lb2 podman pod rm --force --time 1 "$(pod_of lb2)" >>"$LAB_DIR/lb2/podman.log" 2>&1 || true
}

pod_says() {
    on lb2 podman logs "$(pod_of lb2)-agent" 2>&1 | grep -qE "$1"
}

lab_up
remove_static_routes
start_router bird
configure_podman
make_nodes
write_overlay
deploy
start_servers
start_connections 2000
await_established
echo "ok: 2000 connections are established"
unnoticed "a pod is deleted, and made again" replace_pod lb1
unnoticed "a pod is killed, and made again" kill_pod lb1
unnoticed "the image is upgraded, pod by pod" upgrade_balancers
unnoticed "the backends' pods are replaced" replace_backends
unnoticed "the ConfigMap is changed" another_config_map
unnoticed "a node is drained" drain_node
end_connections
remove_all
needs NET_ADMIN "it does not start" pod_says 'guideway: .*(CAP_NET_ADMIN|permitted)'
needs BPF "it does not start" pod_says 'guideway: .*(CAP_BPF|permitted)'
needs PERFMON "it does not start" pod_says 'guideway: .*(CAP_PERFMON|permitted)'
needs SETUID "nothing is announced" pod_says 'CAP_SETUID|setuid|another user'
needs SETGID "nothing is announced" pod_says 'CAP_SETGID|setgid|another user'
