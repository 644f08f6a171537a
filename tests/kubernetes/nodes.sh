# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
#
# The lab's hosts as nodes of a cluster without an API server: podman runs there what a DaemonSet would. Sourced after
# scripts/lab and tests/system/guideway.sh. $LAB_DIR/objects.yaml is what kubectl has built.

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

# --- pods ------------------------------------------------------------------------------------------------------------

# make_pod NODE: its file, and its volumes as they are to be now.
make_pod() {
    "$LAB_ROOT/tests/kubernetes/to_pod.py" "$(daemon_set_of "$1")" "$1" "$LAB_DIR/$1/volumes" \
        bpf="/sys/fs/bpf/$1" run="$(runtime_dir_of "$1")" state="$LAB_DIR/$1/state" \
        <"$LAB_DIR/objects.yaml" >"$LAB_DIR/$1/pod.json"
}

# play NODE: as it is to be now.
play() {
    make_pod "$1"
    play_file "$1" pod.json || fail "podman play kube on $1: $(tail -n 3 "$LAB_DIR/$1/podman.log")"
}

# play_file NODE FILE: podman takes a folder with the image's name for where that is to be built.
play_file() {
    (cd "$LAB_DIR/$1" && on "$1" podman play kube --seccomp-profile-root "$LAB_DIR" "$2") >>"$LAB_DIR/$1/podman.log" 2>&1
}

# unplay NODE: SIGTERM, and the manifest's grace period.
unplay() {
    on "$1" podman pod stop --time "$(jq .spec.terminationGracePeriodSeconds "$LAB_DIR/$1/pod.json")" "$(pod_of "$1")" \
        >>"$LAB_DIR/$1/podman.log" 2>&1
    on "$1" podman pod rm --force "$(pod_of "$1")" >>"$LAB_DIR/$1/podman.log" 2>&1
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
