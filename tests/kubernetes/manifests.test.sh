#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Every overlay of configs/kubernetes: built by kubectl, its objects as their kinds are published, its configuration as
# guideway takes it. Then a typo in each kind, which must be found.
set -euo pipefail
cd -P "$(dirname "${BASH_SOURCE[0]}")/../.."

types=$PWD/build/kubernetes
guideway=build/guideway
manifests=configs/kubernetes
work=

main() {
    work=$(mktemp -d)
    trap 'rm -rf "$work"' EXIT
    mkdir -p "$types"
    cp tests/kubernetes/package.json "$types"
    npm install --silent --no-audit --no-fund --no-package-lock --prefix "$types"
    local overlay
    for overlay in "$manifests"/overlays/*/; do
        kubectl kustomize "$overlay" >"$work/$(basename "$overlay").yaml"
    done
    build_with_monitoring
    cp "$manifests/namespace.yaml" "$work"
    for overlay in "$work"/*.yaml; do
        check <"$overlay" || fail "$(basename "$overlay")"
        echo "ok: $(basename "$overlay" .yaml): $(tail -n 1 "$work/checked")"
    done
    check_configurations
    check_capabilities guideway-balancer guideway
    check_capabilities guideway-backend guideway-backend
    find_typo namespace.yaml Namespace 's/^metadata:/metadat:/'
    find_typo both-bgp.yaml ConfigMap 's/^data:/dta:/'
    find_typo both-bgp.yaml DaemonSet 's/hostNetwork:/hostNetwrk:/'
    find_typo both-bgp.yaml DaemonSet 's/readOnlyRootFilesystem: true/readOnlyRootFilesystem: "yes"/'
    find_typo both-bgp.yaml DaemonSet 's/- NET_ADMIN/- {NET_ADMIN: true}/'
    find_typo monitoring.yaml PodMonitor 's/podMetricsEndpoints:/podMetricEndpoints:/'
}

fail() {
    echo "FAILED: $*: $(<"$work/checked")" >&2
    exit 1
}

# The component has no overlay of its own: not every cluster has its kind.
build_with_monitoring() {
    mkdir "$work/monitoring"
    cat >"$work/monitoring/kustomization.yaml" <<-END
		resources: [$(realpath --relative-to="$work/monitoring" "$manifests/overlays/balancers")]
		components: [$(realpath --relative-to="$work/monitoring" "$manifests/components/monitoring")]
	END
    kubectl kustomize "$work/monitoring" >"$work/monitoring.yaml"
}

check() {
    node tests/kubernetes/check_types.mjs "$types" >"$work/checked"
}

# find_typo FILE KIND SED_EXPRESSION
find_typo() {
    sed "$3" "$work/$1" >"$work/typo"
    ! cmp -s "$work/$1" "$work/typo" || fail "$3 changes nothing"
    ! check <"$work/typo" || fail "$2: $3 is not found"
    echo "ok: $2, $3: found"
}

# check_capabilities DAEMONSET UNIT: both have the same; that each is needed is shown for the unit (system_privileges,
# system_bgp_user).
check_capabilities() {
    local ours units
    ours=$(python3 -c '
import sys, yaml
for item in yaml.safe_load_all(open(sys.argv[1])):
    if item["kind"] == "DaemonSet" and item["metadata"]["name"] == sys.argv[2]:
        print(*item["spec"]["template"]["spec"]["containers"][0]["securityContext"]["capabilities"]["add"], sep="\n")
' "$work/both-bgp.yaml" "$1" | sort)
    units=$(sed -n 's/^CapabilityBoundingSet=//p' "packaging/systemd/$2.service.in" | tr ' ' '\n' | sed 's/^CAP_//' | sort)
    [[ $ours == "$units" ]] || fail "$1 has other capabilities than $2.service: $ours"
    echo "ok: $1 has the capabilities of $2.service"
}

# With a key, which is the reader's to make.
check_configurations() {
    local file
    "$guideway" genkey -o "$work/hash.key"
    for file in "$manifests"/overlays/*/{guideway,backend}.yaml; do
        [[ -e $file ]] || continue
        sed "s|/etc/guideway-keys/hash.key|$work/hash.key|" "$file" >"$work/configuration"
        "$guideway" check -c "$work/configuration" 2>"$work/checked" || fail "$file"
        [[ ! -s $work/checked ]] || fail "$file has warnings"
        echo "ok: $file is a good configuration"
    done
}

main
