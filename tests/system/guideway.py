# SPDX-License-Identifier: Apache-2.0
"""Runs Guideway's parts in the lab, and asks them how they are."""
import contextlib
import json
import os
import re
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from lab import DIR, ROOT, ipv4, ipv6, log, on, output, running, start, stop, wait_until

PROGRAM = Path(os.environ.get("GUIDEWAY") or ROOT / "build/guideway")
UPGRADED = PROGRAM.parent / "tests/system/guideway-upgraded"  # another version of it
NUMBERED = PROGRAM.parent / "tests/system/numbered"
HASH_KEY = "5b7a0f3c91d2e6480c3f7a95e1b8d264"


def pins(host: str) -> Path:
    return Path("/sys/fs/bpf") / host


def runtime_dir(host: str) -> Path:
    return DIR / host


def as_yaml(config: dict) -> str:
    """A key a line."""
    return "".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items())


# --- starting the parts ----------------------------------------------------------------------------------------------


def agent_command(host: str, config: Path, program: Path = PROGRAM) -> list[object]:
    return [program, "agent", "-c", config, "--pins", pins(host), "--runtime-dir", runtime_dir(host)]


def start_agent(host: str, config: Path, *options: object, program: Path = PROGRAM) -> None:
    start(f"{host}-agent", host, *agent_command(host, config, program), *options)


def agent_ready(host: str) -> bool:
    """With all next hops known. The maps answer without an agent, too: only its log tells that this one is there."""
    if not running(f"{host}-agent") or not attached(f"{host}-agent"):
        return False
    next_hops = [backend["next_hop"] for service in status(host)["services"] for backend in service["backends"]]
    return bool(next_hops) and all(next_hop and next_hop["mac"] for next_hop in next_hops)


def start_backends(hosts: Iterable[str], vips: list[str], balancers: Iterable[str]) -> None:
    """What every test wants of them: they unwrap, and something answers."""
    who = [word for vip in vips for word in ("--vip", vip)]
    who += [word for balancer in balancers for word in ("--from", ipv4(balancer), "--from", ipv6(balancer))]
    for host in hosts:
        start(f"{host}-backend", host, PROGRAM, "backend", "--interface", "eth0", *who, "--pins", pins(host),
              "--runtime-dir", runtime_dir(host))
        start_app(host, vips)
    for host in hosts:
        wait_until(lambda host=host: unwraps(host))
        wait_until(lambda host=host: "serves" in log(f"{host}-app"))


def start_app(host: str, addresses: Iterable[str]) -> None:
    start(f"{host}-app", host, ROOT / "tests/system/app.py", host, *addresses)


def unwraps(host: str) -> bool:
    return running(f"{host}-backend") and attached(f"{host}-backend") and xdp_attached(host)


def attached(name: str) -> bool:
    return re.search(r"XDP\)$", log(name), re.MULTILINE) is not None


def xdp_attached(host: str) -> bool:
    return "xdp" in output(host, "ip", "link", "show", "dev", "eth0")


# --- asking them -----------------------------------------------------------------------------------------------------


def order(host: str, command: str, *options: object) -> subprocess.CompletedProcess[str]:
    return on(host, PROGRAM, command, "--runtime-dir", runtime_dir(host), *options)


def status(host: str) -> dict:
    return status_from(host, runtime_dir(host))


def left_behind(host: str) -> dict:
    """The status without the process: from the pinned maps. (A process's answer may be a tenth of a second old.)"""
    return status_from(host, DIR / "nobody")


def status_from(host: str, directory: Path) -> dict:
    return json.loads(output(host, PROGRAM, "status", "--pins", pins(host), "--runtime-dir", directory, "--json"))


def reload(host: str) -> None:
    done = order(host, "reload")
    assert done.returncode == 0, done.stderr


# --- what the client does --------------------------------------------------------------------------------------------


def http_get(namespace: str, url: str) -> tuple[int, str]:
    """Status and body; the status is 0 when there is no answer."""
    answer = on(namespace, "curl", "--silent", "--max-time", "10", "--write-out", "\n%{http_code}", url).stdout
    body, _, code = answer.rpartition("\n")
    return int(code), body


def url(address: str) -> str:
    return f"http://[{address}]/" if ":" in address else f"http://{address}/"


@contextlib.contextmanager
def numbered_datagrams(port: int, vips: list[str], backends: list[str], *options: object) -> Iterator[None]:
    """From the client to that port of the VIPs meanwhile. Each arrives, once."""
    for backend in backends:
        start(f"{backend}-sink", backend, NUMBERED, "sink", DIR / f"{backend}.got", port, *vips)
    for backend in backends:
        wait_until(lambda backend=backend: "listening" in log(f"{backend}-sink"))
    start("numbered", "client", NUMBERED, "send", *options, DIR / "sent", port, *vips)
    yield
    assert stop("numbered") == 0, log("numbered")
    for backend in backends:
        assert stop(f"{backend}-sink") == 0, log(f"{backend}-sink")
    outcome = on("client", NUMBERED, "compare", DIR / "sent", *(DIR / f"{backend}.got" for backend in backends)).stdout
    assert re.fullmatch(r"[1-9]\d* sent, 0 lost, 0 duplicated\n", outcome)
