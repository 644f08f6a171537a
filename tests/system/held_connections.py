# SPDX-License-Identifier: Apache-2.0
"""Holds many TCP connections through the lab's balancers and tells which of them break (tests/system/connections)."""
import contextlib
import json
from collections.abc import Iterable, Iterator

from guideway import PROGRAM
from lab import DIR, finish, log, output, start, wait_until

CONNECTIONS = PROGRAM.parent / "tests/system/connections"
PORT = 9100
SOCKET = DIR / "connections.sock"


def start_servers(hosts: Iterable[str], vips: list[str]) -> None:
    for host in hosts:
        start(f"{host}-server", host, CONNECTIONS, "serve", host, PORT, *vips)
    for host in hosts:
        wait_until(lambda host=host: "serves" in log(f"{host}-server"))


@contextlib.contextmanager
def connections(count: int, vips: list[str], *options: object) -> Iterator[None]:
    """So many from the client to the VIPs meanwhile."""
    SOCKET.unlink(missing_ok=True)
    start("connections", "client", CONNECTIONS, "hold", "--count", count, "--control", SOCKET, "--report",
          DIR / "connections.json", *options, PORT, *vips)
    wait_until(SOCKET.is_socket)
    answer = ask("await")
    assert answer["live"] == answer["wanted"], f"not all connections are established: {ask('report')['breakages']}"
    yield
    ask("end")
    assert finish("connections") == 0, log("connections")


def ask(*words: str) -> dict:
    return json.loads(output("client", CONNECTIONS, "ask", "--timeout", 60, SOCKET, *words))


def phase(name: str) -> None:
    """What breaks from now on belongs to it."""
    ask("phase", name)


def none_broke(name: str) -> bool:
    """Each connection, however idle, has completed a round trip begun now, and none broke in that phase."""
    assert ask("checkpoint")["unanswered"] == 0
    report = ask("report")
    assert sum(row["broken"] for row in report["phases"] if row["name"] == name) == 0, report["breakages"]
    return True
