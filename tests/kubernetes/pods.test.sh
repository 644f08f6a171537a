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
cd "$LAB_ROOT"
lab_enter "$@"

image=guideway:$(dpkg-deb --field build-package/guideway_*.deb Version)
upgraded=guideway:upgraded
overlay=$LAB_DIR/overlay
datagram_port=9000

# --- nodes -----------------------------------------------------------------------------------------------------------

pins_of() {
    case $1 in
    lb*) echo "/sys/fs/bpf/$1/guideway" ;;
    be*) echo "/sys/fs/bpf/$1/guideway-backend" ;;
    esac
}

runtime_dir_of() {
    echo "$LAB_DIR/$1/run"
}

make_nodes() {
    local node
    for node in $(lab_balancers) $(lab_backends); do
        mkdir -p "/sys/fs/bpf/$node" "$LAB_DIR/$node"/{run,state}
    done
}

# What podman knows of pods ends with the lab; the images are where they were built.
# Debian 12's seccomp profile wants CAP_SYS_ADMIN for bpf(), unlike the container runtimes of a present cluster.
configure_podman() {
    jq '.syscalls |= [{names: ["bpf"], action: "SCMP_ACT_ALLOW", includes: {caps: ["CAP_BPF"]}}] + .' \
        /usr/share/containers/seccomp.json >"$LAB_DIR/seccomp.json"
    cat >"$LAB_DIR/containers.conf" <<-END
		[containers]
		default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]
		netns = "host"
		[engine]
		cgroup_manager = "cgroupfs"
		runtime = "runc"
		events_logger = "file"
		lock_type = "file"
		tmp_dir = "$LAB_DIR/podman"
	END
    cat >"$LAB_DIR/storage.conf" <<-END
		[storage]
		driver = "overlay"
		graphroot = "$LAB_DIR/containers"
		runroot = "$LAB_DIR/podman/run"
		[storage.options]
		additionalimagestores = ["/var/lib/containers/storage"]
	END
    export CONTAINERS_CONF=$LAB_DIR/containers.conf CONTAINERS_STORAGE_CONF=$LAB_DIR/storage.conf
}

daemon_set_of() {
    case $1 in
    lb*) echo guideway-balancer ;;
    be*) echo guideway-backend ;;
    esac
}

container_of() {
    jq -r '.spec.containers[0].name' "$LAB_DIR/$1/pod.json"
}

pod_of() {
    echo "$(daemon_set_of "$1")-$1"
}

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
	END
    kubectl kustomize "$overlay" >"$LAB_DIR/objects.yaml"
}

# make_pod NODE [IMAGE]: its file, and its volumes as they are to be now.
make_pod() {
    tests/kubernetes/to_pod.py "$(daemon_set_of "$1")" "$1" "$LAB_DIR/$1/volumes" "${2:-$image}" \
        bpf="/sys/fs/bpf/$1" run="$(runtime_dir_of "$1")" state="$LAB_DIR/$1/state" \
        <"$LAB_DIR/objects.yaml" >"$LAB_DIR/$1/pod.json"
}

# play NODE [IMAGE]
play() {
    make_pod "$@"
    (cd "$LAB_DIR/$1" && on "$1" podman play kube --seccomp-profile-root "$LAB_DIR" "$LAB_DIR/$1/pod.json") >"$LAB_DIR/$1/podman.log" 2>&1 ||
        fail "podman play kube on $1: $(tail -n 3 "$LAB_DIR/$1/podman.log")"
}

# unplay NODE: SIGTERM, and the manifest's grace period.
unplay() {
    on "$1" podman pod stop --time "$(jq .spec.terminationGracePeriodSeconds "$LAB_DIR/$1/pod.json")" "$(pod_of "$1")" \
        >>"$LAB_DIR/$1/podman.log" 2>&1
    on "$1" podman pod rm --force "$(pod_of "$1")" >>"$LAB_DIR/$1/podman.log" 2>&1
}

replace_pod() {
    unplay "$1"
    play "$@"
    await "$1 to be announced" goes_via "lb1 lb2"
}

kill_pod() {
    on "$1" podman pod kill --signal KILL "$(pod_of "$1")" >>"$LAB_DIR/$1/podman.log" 2>&1
    on "$1" podman pod rm --force "$(pod_of "$1")" >>"$LAB_DIR/$1/podman.log" 2>&1
    play "$@"
    await "$1 to be announced anew" in_step_with_router "$1"
}

# --- how it is -------------------------------------------------------------------------------------------------------

# probe NODE PORT PATH: as the kubelet does.
probe() {
    on "$1" curl --silent --fail --output /dev/null "http://127.0.0.1:$2/$3"
}

ready() {
    case $1 in
    lb*) probe "$1" 9660 readyz ;;
    be*) probe "$1" 9661 readyz ;;
    esac
}

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

# What the pods said, when something fails.
lab_show_logs() {
    local node
    for node in $(lab_balancers) $(lab_backends); do
        echo "--- $node"
        [[ -e $LAB_DIR/$node/podman.log ]] || continue
        tail -n 5 "$LAB_DIR/$node/podman.log"
        on "$node" podman logs --tail 15 "$(pod_of "$node")-$(container_of "$node")" 2>&1 || true
    done
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
    replace_pod lb1 "$upgraded"
    replace_pod lb2 "$upgraded"
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
        (cd "$LAB_DIR/$node" && on "$node" podman play kube --seccomp-profile-root "$LAB_DIR" "$LAB_DIR/$node/leaving.json") >>"$LAB_DIR/$node/podman.log" 2>&1
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
    (cd "$LAB_DIR/lb2" && on lb2 podman play kube --seccomp-profile-root "$LAB_DIR" "$LAB_DIR/lb2/less.json") >>"$LAB_DIR/lb2/podman.log" 2>&1 || true
    expect_soon "without $1: $2" "${@:3}"
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
