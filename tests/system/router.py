# SPDX-License-Identifier: Apache-2.0
"""The lab's router as a BGP router (BIRD 2, with configs/router/bird.conf), and what balancers run to talk to it."""
import json
import re
import shutil
from collections.abc import Iterable

from guideway import runtime_dir
from lab import DIR, ROOT, address_like, on, output, start, wait_until

# --- the router ------------------------------------------------------------------------------------------------------


def start_bird(vips: Iterable[str]) -> None:
    """From now on the routes to the VIPs are what it learns."""
    for vip in vips:
        output("router", "ip", family_of(vip), "route", "flush", "to", "exact", vip)
    shutil.copy(ROOT / "configs/router/bird.conf", DIR / "bird.conf")
    start("bird", "router", "bird", "-f", "-c", DIR / "bird.conf", "-s", DIR / "bird.ctl", "-P", DIR / "bird.pid")
    wait_until(lambda: birdc("show", "status"))


def birdc(*words: str) -> str:
    return output("router", "birdc", "-r", "-s", DIR / "bird.ctl", *words)


def sessions() -> set[str]:
    """The TCP connections with balancers: each balancer's address and port. (BIRD's own times vary by milliseconds.)"""
    connections = output("router", "ss", "-H", "-t", "-n", "state", "established", "sport", "=", ":179")
    return {line.split()[3] for line in connections.splitlines()}


def updates() -> int:
    """What BIRD has received in the sessions that there are: routes announced or withdrawn, not counting End-of-RIB."""
    protocols = re.split(r"^(?=[a-z])", birdc("show", "protocols", "all"), flags=re.MULTILINE)
    return sum(int(count) for protocol in protocols if protocol.startswith("balancer")
               for count in re.findall(r"Import (?:updates|withdraws): +(\d+)", protocol))


def family_of(vip: str) -> str:
    return "-6" if ":" in vip else "-4"


def gateways(vip: str) -> set[str]:
    """Where the router's one route to the VIP leads."""
    routes = json.loads(output("router", "ip", "-json", family_of(vip), "route", "show", "to", "exact", vip) or "[]")
    hops = [hop for route in routes for hop in (route, *route.get("nexthops", ()))] if len(routes) == 1 else []
    return {hop.get("gateway") or hop["via"]["host"] for hop in hops if "gateway" in hop or "via" in hop}


def lead_to(vips: Iterable[str], *balancers: str) -> bool:
    """Whether the routes to the VIPs lead to these balancers, and to no others."""
    return all(gateways(vip) == {address_like(vip, balancer) for balancer in balancers} for vip in vips)


# --- what a balancer runs --------------------------------------------------------------------------------------------


def bgp_processes(host: str) -> set[int]:
    """Supervisor, ExaBGP and relay."""
    return pids("-f", "--", f"{runtime_dir(host)}/bgp")


def supervisor_of(host: str) -> int | None:
    """The process that runs ExaBGP, whose only child it is; the relay is the only child of that."""
    return only(pids("-f", "--", f"bgp-supervisor {runtime_dir(host)}/bgp "))


def exabgp_of(host: str) -> int | None:
    return child_of(supervisor_of(host))


def relay_of(host: str) -> int | None:
    return child_of(exabgp_of(host))


def child_of(pid: int | None) -> int | None:
    return None if pid is None else only(pids("-P", str(pid)))


def pids(*words: str) -> set[int]:
    return set(map(int, on("router", "pgrep", *words).stdout.split()))


def only(found: set[int]) -> int | None:
    return found.pop() if len(found) == 1 else None
