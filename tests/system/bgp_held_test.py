#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""Agents die, hang and come back; what ExaBGP announces stays for the next one, as long as it may, and no longer.

    client --- router (BIRD) === BGP over IPv4 and IPv6 === lb1, lb2 ---> be1, be2

Each test begins with both balancers announced. Its hold_after_kill is longer than any test waits, but where that is
the point: nothing else makes routes go in time but what the test is about.
"""
import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import lab
import pytest
from guideway import (HASH_KEY, PROGRAM, UPGRADED, agent_command, agent_ready, as_yaml, order, pins, reload,
                      runtime_dir, start_agent, start_backends, status, xdp_attached)
from held_connections import ask, connections, none_broke, phase, start_servers
from lab import DIR, finish, ipv4, kill, log, on, output, processes, put, running, start, stop, wait_until
from router import (bgp_processes, birdc, exabgp_of, gateways, lead_to, relay_of, sessions, start_bird, supervisor_of,
                    updates)

VIPS = ["192.0.2.10", "2001:db8:1::10"]
OTHER_VIP = "192.0.2.66"
ROUTERS = ["10.0.0.1", "2001:db8:f::1"]
BALANCERS = ["lb1", "lb2"]
BACKENDS = ["be1", "be2"]
WEB = {"name": "web", "listen": ["192.0.2.10:9100/tcp", "[2001:db8:1::10]:9100/tcp"], "idle_timeout": "2s",
       "health": {"check": "tcp", "interval": "500ms", "timeout": "400ms", "rise": 2},
       "backends": [{"name": host, "address": f"10.0.0.10{number}"} for number, host in enumerate(BACKENDS, start=1)]}
OTHER = {"name": "other", "listen": [f"{OTHER_VIP}:80/tcp"], "backends": ["10.0.0.101"]}

if __name__ == "__main__":
    lab.enter(__file__, vips=VIPS, balancers=2, backends=2)


def config_file(host: str) -> Path:
    return DIR / f"{host}.yaml"


def put_config(host: str, hold_after_kill: str = "10m", hold_times: tuple[str, str] = ("9s", "9s"),
               services: tuple[dict, ...] = (WEB,), with_bgp: bool = True) -> None:
    peers = [{"address": router, "as": 64512, "hold_time": held} for router, held in zip(ROUTERS, hold_times)]
    bgp = {"local_as": 64600, "router_id": ipv4(host), "communities": ["64600:100", "64600:1:2"], "med": 50,
           "graceful_shutdown": "2s", "hold_after_kill": hold_after_kill, "peers": peers}
    put(config_file(host), as_yaml({"interfaces": ["eth0"], "hash_key": HASH_KEY} | ({"bgp": bgp} if with_bgp else {})
                                   | {"services": services}))


def run_agent(host: str, *options: object, program: Path = PROGRAM) -> None:
    start_agent(host, config_file(host), *options, program=program)
    wait_until(lambda: agent_ready(host))


def run_as_usual(host: str) -> None:
    """Whatever the test before has left of it."""
    put_config(host)
    usual = lab.in_namespace(host, *agent_command(host, config_file(host)))
    if running(f"{host}-agent") and processes[f"{host}-agent"].args == usual:
        reload(host)
        return
    if f"{host}-agent" in processes:
        kill(f"{host}-agent")
    run_agent(host)


@pytest.fixture(scope="module")
def network() -> None:
    start_bird(VIPS)
    start_backends(BACKENDS, VIPS, BALANCERS)
    start_servers(BACKENDS, VIPS)
    for host in BALANCERS:
        run_as_usual(host)


@pytest.fixture(autouse=True)
def both_announced(network: None) -> None:
    for host in BALANCERS:
        run_as_usual(host)
    wait_until(settled)


# --- what is so ------------------------------------------------------------------------------------------------------


def in_step(host: str) -> bool:
    """All that is wanted is announced, to both routers."""
    bgp = status(host)["bgp"]
    return bgp["running"] and all(peer["state"] == "established" and peer["wanted"] == peer["announced"]
                                  for peer in bgp["peers"])


def drained_and_learnt(host: str) -> bool:
    web = status(host)["services"][0]
    be1 = next(backend for backend in web["backends"] if backend["address"] == "10.0.0.101")
    return be1["state"] == "drain" and web["slots_by_state"]["learning"] == 0


def settled() -> bool:
    return lead_to(VIPS, "lb1", "lb2") and in_step("lb1")


def taken_over() -> bool:
    """ExaBGP, by the agent of lb1 that runs now."""
    return "exabgp of an earlier agent is taken over" in log("lb1-agent") and in_step("lb1")


def took(what: str, condition: Callable[[], object]) -> None:
    """Awaits it, and prints how long that took, which -rP shows."""
    began = time.monotonic()
    wait_until(condition)
    print(f"{what} after {(time.monotonic() - began) * 1000:.0f} ms")


def await_gone() -> None:
    """The routes to lb1, and whatever announced them."""
    took("routes gone", lambda: lead_to(VIPS, "lb2"))
    wait_until(lambda: not bgp_processes("lb1"))


def await_back() -> None:
    """Announced anew by another agent."""
    run_agent("lb1")
    took("announced", settled)


def reload_with(**settings: object) -> None:
    put_config("lb1", **settings)
    reload("lb1")
    took("announced", settled)


@contextlib.contextmanager
def routes_watched() -> Iterator[None]:
    """What the router's kernel says of routes meanwhile is in log("route-watch")."""
    start("route-watch", "router", "ip", "monitor", "route")
    listening = re.compile(rf"^\S+ +0 +{processes['route-watch'].pid} +(?!0+ )", re.MULTILINE)
    wait_until(lambda: listening.search(output("router", "cat", "/proc/net/netlink")))
    yield
    stop("route-watch")


@contextlib.contextmanager
def nothing_changing() -> Iterator[None]:
    """Neither ExaBGP, nor a session, nor a route, nor does BIRD hear of one."""
    before = exabgp_of("lb1"), sessions(), updates()
    assert len(sessions()) == len(BALANCERS) * len(ROUTERS)
    with routes_watched():
        yield
    assert "Deleted" not in log("route-watch")
    assert (exabgp_of("lb1"), sessions(), updates()) == before


@contextlib.contextmanager
def suspended(pid: int | None) -> Iterator[int]:
    assert pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield pid
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def kill_process(pid: int | None) -> None:
    assert pid
    os.kill(pid, signal.SIGKILL)


def has_ended(pid: int) -> bool:
    return on("lb1", "kill", "-0", pid).returncode != 0


# --- killed and back -------------------------------------------------------------------------------------------------


def test_no_connection_of_a_drained_backend_breaks_when_an_agent_is_killed_and_started() -> None:
    # The flows of be1 that met lb1 have their records there: on lb2, where learning has ended too, they would break.
    with connections(200, VIPS, "--idle-every", 500, "--request-every", 300):
        for host in BALANCERS:
            assert order(host, "drain", "be1").returncode == 0
        for host in BALANCERS:
            wait_until(lambda host=host: drained_and_learnt(host))
        assert ask("backends").get("be1", 0) > 20
        phase("killed")
        with nothing_changing():
            kill("lb1-agent")
            assert none_broke("killed")
            run_agent("lb1")
            took("taken over", taken_over)
            assert none_broke("killed")
    for host in BALANCERS:
        assert order(host, "undrain", "be1").returncode == 0


def test_an_agent_that_is_killed_again_and_again_takes_exabgp_over() -> None:
    with nothing_changing():
        for _ in range(3):  # and killed before it knows anything, but for the last
            kill("lb1-agent")
            start_agent("lb1", config_file("lb1"))
        wait_until(lambda: agent_ready("lb1"))
        took("taken over", taken_over)


def test_another_version_of_the_agent_takes_exabgp_over() -> None:
    with nothing_changing():
        kill("lb1-agent")
        run_agent("lb1", program=UPGRADED)
        took("taken over", taken_over)


def test_exabgp_is_started_again_by_an_agent_whose_program_was_replaced() -> None:
    """As by a package, while it runs: the new ExaBGP's relay is the new program."""
    program = DIR / "guideway"
    stop("lb1-agent")
    shutil.copy(PROGRAM, program)
    run_agent("lb1", program=program)
    took("announced", settled)
    shutil.copy(UPGRADED, DIR / "guideway.new")
    (DIR / "guideway.new").rename(program)
    former = exabgp_of("lb1")
    kill_process(former)
    took("announced", lambda: exabgp_of("lb1") not in (None, former) and settled())
    stop("lb1-agent")
    program.unlink()


def test_sockets_that_are_taken_away_come_back() -> None:
    sockets = [runtime_dir("lb1") / "bgp" / name for name in ("agent.sock", "relay.sock")]
    with nothing_changing():
        shutil.rmtree(runtime_dir("lb1") / "bgp")
        wait_until(lambda: all(socket.is_socket() for socket in sockets))
        kill_process(relay_of("lb1"))
        kill("lb1-agent")
        run_agent("lb1")
        took("taken over", taken_over)


# --- back with another configuration ---------------------------------------------------------------------------------


def test_a_vip_that_the_next_agent_does_not_have_goes_alone() -> None:
    put_config("lb1", services=(WEB, OTHER))
    reload("lb1")
    wait_until(lambda: lead_to([OTHER_VIP], "lb1"))
    exabgp = exabgp_of("lb1")
    with routes_watched():
        kill("lb1-agent")
        put_config("lb1")
        run_agent("lb1")
        wait_until(lambda: not gateways(OTHER_VIP))
        took("taken over", taken_over)
    assert re.findall(r"^Deleted (\S+)", log("route-watch"), re.MULTILINE) == [OTHER_VIP]
    assert exabgp_of("lb1") == exabgp


def test_a_session_whose_settings_the_next_agent_changes_is_reset_alone() -> None:
    exabgp, before = exabgp_of("lb1"), sessions()
    kill("lb1-agent")
    put_config("lb1", hold_times=("9s", "12s"))
    run_agent("lb1")
    took("taken over", taken_over)
    took("announced", settled)
    assert exabgp_of("lb1") == exabgp
    assert len(sessions() - before) == 1


def test_an_agent_without_a_bgp_section_ends_exabgp() -> None:
    kill("lb1-agent")
    put_config("lb1", with_bgp=False)
    start_agent("lb1", config_file("lb1"))
    await_gone()
    assert stop("lb1-agent") == 0
    put_config("lb1")
    await_back()


# --- not back --------------------------------------------------------------------------------------------------------


def test_routes_are_held_for_an_agent_that_is_not_back_and_then_go() -> None:
    assert stop("lb1-agent") == 0  # the next one's log is that of its ExaBGP, too
    await_back()
    reload_with(hold_after_kill="3s")
    kill("lb1-agent")
    await_gone()
    assert "exabgp hears nothing of its agent; the routes stay for" in log("lb1-agent")
    await_back()


def test_the_routes_of_an_agent_that_hangs_go_until_it_goes_on() -> None:
    reload_with(hold_after_kill="3s")
    with suspended(processes["lb1-agent"].pid):
        await_gone()
    took("announced", settled)


def test_without_a_hold_routes_go_with_their_agent() -> None:
    reload_with(hold_after_kill="0s")
    kill("lb1-agent")
    await_gone()
    put_config("lb1")
    await_back()


def detach() -> None:
    output("lb1", "bpftool", "link", "detach", "pinned", pins("lb1") / "link-eth0")


def unpin() -> None:
    (pins("lb1") / "link-eth0").unlink()


@pytest.mark.parametrize("happens", [detach, unpin])
def test_routes_are_not_held_for_a_program_that_is_gone(happens: Callable[[], None]) -> None:
    kill("lb1-agent")
    happens()
    await_gone()
    await_back()


def test_routes_are_marked_as_leaving_when_all_of_the_service_gets_sigterm() -> None:
    """As service managers do: ExaBGP must not end before the agent has left."""
    for pid in bgp_processes("lb1") | {processes["lb1-agent"].pid}:
        os.kill(pid, signal.SIGTERM)
    wait_until(lambda: "(65535,0)" in birdc("show", "route", "all", "for", VIPS[0]))
    assert finish("lb1-agent") == 0
    assert lead_to(VIPS, "lb2")
    await_gone()
    await_back()


def test_what_an_agent_leaves_that_was_killed_ends_by_sigterm() -> None:
    kill("lb1-agent")
    supervisor = supervisor_of("lb1")
    assert supervisor
    os.kill(supervisor, signal.SIGTERM)
    await_gone()
    await_back()


# --- --detach-on-exit ------------------------------------------------------------------------------------------------


@pytest.fixture
def detaching() -> None:
    """An agent with --detach-on-exit."""
    assert stop("lb1-agent") == 0
    run_agent("lb1", "--detach-on-exit")
    took("announced", settled)


def test_an_agent_that_detaches_on_exit_detaches_nothing_when_killed(detaching: None) -> None:
    with nothing_changing():
        kill("lb1-agent")
        run_agent("lb1", "--detach-on-exit")
        took("taken over", taken_over)


def test_an_agent_that_detaches_on_exit_withdraws_its_routes_before(detaching: None) -> None:
    assert stop("lb1-agent") == 0
    assert lead_to(VIPS, "lb2")
    await_gone()
    wait_until(lambda: not xdp_attached("lb1"))
    await_back()


def test_a_second_sigterm_ends_it_at_once_and_its_routes_with_it() -> None:
    processes["lb1-agent"].send_signal(signal.SIGTERM)
    wait_until(lambda: "leaving:" in log("lb1-agent"))
    assert stop("lb1-agent") == 0
    await_gone()
    await_back()


# --- and ExaBGP's own accidents meanwhile ----------------------------------------------------------------------------


def test_a_relay_that_is_killed_meanwhile_is_replaced() -> None:
    with nothing_changing():
        kill("lb1-agent")
        former = relay_of("lb1")
        kill_process(former)
        wait_until(lambda: relay_of("lb1") not in (None, former))
        run_agent("lb1")
        took("taken over", taken_over)


@pytest.mark.parametrize("of", [exabgp_of, supervisor_of])
def test_routes_are_not_held_when_exabgp_or_its_supervisor_is_killed_meanwhile(of: Callable[[str], int | None]) -> None:
    kill("lb1-agent")
    kill_process(of("lb1"))
    await_gone()
    await_back()


@pytest.mark.parametrize("of", [exabgp_of, supervisor_of])
def test_exabgp_or_a_supervisor_that_hangs_meanwhile_is_replaced(of: Callable[[str], int | None]) -> None:
    kill("lb1-agent")
    with suspended(of("lb1")) as hung:
        run_agent("lb1")
        took("announced", lambda: has_ended(hung) and settled())


def test_the_relay_ends_exabgp_when_the_supervisor_hangs_and_no_agent_is_back() -> None:
    kill("lb1-agent")
    with suspended(supervisor_of("lb1")):
        took("routes gone", lambda: lead_to(VIPS, "lb2"))
        await_back()
