#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes of a DaemonSet the pod that a node would run, for `podman play kube`, which knows no DaemonSets.

    kubectl kustomize OVERLAY | to_pod.py DAEMONSET NODE DIRECTORY [VOLUME=PATH...] >pod.json

ConfigMaps and Secrets become folders in DIRECTORY, laid out and exchanged as the kubelet does: FILE -> ..data/FILE, and
..data -> the folder of one state. VOLUME=PATH: where the node has that hostPath volume. What podman 4.3 cannot read of
a pod's spec is left out, and the test does its work: probes, and the runtime's seccomp profile.
"""
import base64
import json
import os
import sys
import tempfile

import yaml

UNREAD = ("startupProbe", "readinessProbe", "livenessProbe", "resources")


def lay_out(directory, files, mode):
    os.makedirs(directory, exist_ok=True)
    state = tempfile.mkdtemp(prefix="..", dir=directory)
    os.chmod(state, 0o755)
    for name, content in files.items():
        path = os.path.join(state, name)
        with open(path, "wb") as file:
            file.write(content)
        os.chmod(path, mode)
        if not os.path.lexists(os.path.join(directory, name)):
            os.symlink(os.path.join("..data", name), os.path.join(directory, name))
    link = os.path.join(directory, "..data_tmp")
    os.symlink(os.path.basename(state), link)
    os.rename(link, os.path.join(directory, "..data"))


def files_of(item):
    if item["kind"] == "Secret":
        return {name: base64.b64decode(text) for name, text in item.get("data", {}).items()}
    return {name: text.encode() for name, text in item.get("data", {}).items()}


def host_path(volume, directory, paths):
    if volume["name"] in paths:
        return {"path": paths[volume["name"]], "type": "Directory"}
    if "configMap" in volume:
        return {"path": os.path.join(directory, "ConfigMap-" + volume["configMap"]["name"])}
    if "secret" in volume:
        return {"path": os.path.join(directory, "Secret-" + volume["secret"]["secretName"])}
    sys.exit(f"to_pod.py: no path is given for the volume {volume['name']}")


def main():
    daemon_set, node, directory = sys.argv[1:4]
    paths = dict(argument.split("=", 1) for argument in sys.argv[4:])
    items = [item for item in yaml.safe_load_all(sys.stdin) if item]
    for item in items:
        if item["kind"] in ("ConfigMap", "Secret"):
            name = f"{item['kind']}-{item['metadata']['name']}"
            lay_out(os.path.join(directory, name), files_of(item), 0o400 if item["kind"] == "Secret" else 0o644)

    template = next(
        item["spec"]["template"]
        for item in items
        if item["kind"] == "DaemonSet" and item["metadata"]["name"] == daemon_set
    )
    # seccomp.json of `podman play kube --seccomp-profile-root`, in the place of the runtime's own profile.
    template["metadata"]["annotations"] = {"seccomp.security.alpha.kubernetes.io/pod": "localhost/seccomp.json"}
    template["metadata"]["name"] = f"{daemon_set}-{node}"
    spec = template["spec"]
    spec["volumes"] = [
        {"name": volume["name"], "hostPath": host_path(volume, directory, paths)} for volume in spec["volumes"]
    ]
    for container in spec["containers"]:
        container["imagePullPolicy"] = "Never"
        for key in UNREAD:
            container.pop(key, None)
        container["securityContext"].pop("seccompProfile")
    json.dump({"apiVersion": "v1", "kind": "Pod", "metadata": template["metadata"], "spec": spec}, sys.stdout)


main()
