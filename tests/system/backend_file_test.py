#!/usr/bin/python3 -B
# SPDX-License-Identifier: Apache-2.0
"""A backend by its file: started, changed under traffic, refused, asked how it is, killed and ended.

    client --- router --- lb1 ---> be1 (be.yaml)

Each test begins with a process that serves FIRST_VIPS, ADDED_VIP and POOLS; it takes over from the one before it.
"""
import contextlib
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator

import lab
import pytest
from guideway import (HASH_KEY, PROGRAM, agent_ready, as_yaml, attached, http_get, left_behind, numbered_datagrams,
                      order, pins, reload, runtime_dir, start_agent, start_app, status, url, xdp_attached)
from lab import DIR, ROOT, ipv4, ipv6, kill, log, on, output, processes, put, start, stop, wait_until

FIRST_VIPS = ["192.0.2.10", "2001:db8:1::10"]
ADDED_VIP = "192.0.2.11"
POOLS = ["192.0.2.64/26", "2001:db8:2::/64"]
EVERYTHING = [*FIRST_VIPS, ADDED_VIP, *POOLS]
OF_POOLS = ["192.0.2.64", "192.0.2.99", "192.0.2.127", "2001:db8:2::7", "2001:db8:2::ffff"]
CONFIG = DIR / "be.yaml"

if __name__ == "__main__":
    lab.enter(__file__, vips=[*FIRST_VIPS, ADDED_VIP, *OF_POOLS], balancers=1, backends=1)


def config(vips: list[str], **changes: object) -> str:
    keys = {"interfaces": ["eth0"], "vips": vips, "balancers": [ipv4("lb1"), ipv6("lb1")], "http": "127.0.0.1:9661",
            "runtime_dir": str(runtime_dir("be1")), "pins": str(pins("be1"))}
    return as_yaml(keys | changes)


def put_config(vips: list[str], **changes: object) -> None:
    put(CONFIG, config(vips, **changes))


def start_by_file(*options: str) -> None:
    start("be1-backend", "be1", PROGRAM, "backend", "-c", CONFIG, *options)
    wait_until(lambda: attached("be1-backend") and status("be1")["helper"])


def started_with(vips: list[str]) -> None:
    put_config(vips)
    start_by_file()


@pytest.fixture(scope="module", autouse=True)
def balancer(vips: list[str]) -> None:
    listeners = [f"[{vip}]" if ":" in vip else vip for vip in vips]
    listen = [f"{listener}:{port}" for listener in listeners for port in ("80/tcp", "9001/udp")]
    put(DIR / "lb.yaml", as_yaml({"interfaces": ["eth0"], "hash_key": HASH_KEY, "services": [
        {"name": "all", "backends": [ipv4("be1")], "listen": listen}]}))
    start_agent("lb1", DIR / "lb.yaml")
    wait_until(lambda: agent_ready("lb1"))
    start_app("be1", ["::"])  # of both families
    wait_until(lambda: "serves" in log("be1-app"))


@pytest.fixture
def backend(balancer: None) -> None:
    started_with(EVERYTHING)


# --- what is asked ---------------------------------------------------------------------------------------------------


def served() -> set[str]:
    return {vip["vip"] for vip in status("be1")["vips"]}


def unwrapped() -> int:
    return left_behind("be1")["verdicts"].get("unwrapped", {"packets": 0})["packets"]


def reloads() -> tuple[int, int]:
    """Those that were applied, and those that were refused."""
    helper = status("be1")["helper"]
    return helper["reloads"], helper["refused_reloads"]


def own_page(path: str) -> tuple[int, str]:
    return http_get("be1", f"http://127.0.0.1:9661/{path}")


def said(pattern: str) -> bool:
    return re.search(pattern, log("be1-backend")) is not None


def addresses() -> set[str]:
    """Of lo."""
    return set(re.findall(r"inet6? (\S+)/", output("be1", "ip", "-oneline", "address", "show", "dev", "lo")))


def local_routes() -> set[str]:
    routes = [output("be1", "ip", family, "route", "show", "table", "local") for family in ("-4", "-6")]
    return set(re.findall(r"^local (\S+)", "".join(routes), re.MULTILINE))


def answer(*vips: str) -> bool:
    """HTTP over each."""
    for vip in vips:
        assert http_get("client", url(vip)) == (200, "be1\n"), vip
    return True


def arp_ignore() -> int:
    return int(output("be1", "sysctl", "-n", "net.ipv4.conf.eth0.arp_ignore"))


def any_degraded(pattern: str) -> bool:
    return any(re.search(pattern, trouble) for trouble in status("be1")["degraded"])


# --- files that are checked ------------------------------------------------------------------------------------------


def test_check_tells_a_backends_file_by_its_keys() -> None:
    put_config(FIRST_VIPS)
    output("be1", PROGRAM, "check", "-c", CONFIG)
    output("be1", PROGRAM, "check", "--backend", "-c", CONFIG)


@pytest.fixture
def bad_file() -> str:
    put(DIR / "bad.yaml", "vips: [192.0.2.300]\n")
    return f"{DIR}/bad.yaml"


def test_check_shows_every_error_at_once(bad_file: str) -> None:
    done = on("be1", PROGRAM, "check", "-c", bad_file)
    assert done.returncode != 0
    assert len(re.findall(f"^{bad_file}:1:", done.stderr, re.MULTILINE)) == 3, done.stderr


def test_a_broken_file_is_refused_at_the_start(bad_file: str) -> None:
    done = on("be1", PROGRAM, "backend", "-c", bad_file, "--runtime-dir", DIR / "other")
    assert done.returncode != 0
    assert "bad.yaml:1:8: vips[0]: '192.0.2.300' is not an IP address" in done.stderr


def test_an_agent_says_whose_file_it_is() -> None:
    put_config(FIRST_VIPS)
    done = on("lb1", PROGRAM, "agent", "-c", CONFIG)
    assert done.returncode != 0
    assert "looks like a backend's file" in done.stderr


def test_a_file_and_flags_exclude_each_other() -> None:
    put_config(FIRST_VIPS)
    done = on("be1", PROGRAM, "backend", "-c", CONFIG, "--vip", "192.0.2.10")
    assert done.returncode != 0
    assert "--config" in done.stderr


# --- started ---------------------------------------------------------------------------------------------------------


def test_vips_become_addresses_of_lo_for_which_eth0_does_not_answer_arp() -> None:
    started_with(FIRST_VIPS)
    assert set(FIRST_VIPS) <= addresses()
    assert arp_ignore() == 1


def test_status_tells_vips_and_balancers() -> None:
    started_with(FIRST_VIPS)
    assert served() == set(FIRST_VIPS)
    now = status("be1")
    assert all(vip["local"] for vip in now["vips"])
    assert now["fault"] is None
    assert now["degraded"] == []
    assert now["balancers"] == [ipv4("lb1"), ipv6("lb1")]


def test_requests_are_answered_and_counted() -> None:
    started_with(FIRST_VIPS)
    before = unwrapped()
    assert answer(*FIRST_VIPS)
    wait_until(lambda: status("be1")["verdicts"]["unwrapped"]["packets"] > before)


def test_status_is_there_for_people() -> None:
    started_with(FIRST_VIPS)
    assert re.search(r"^192.0.2.10 +address +local", order("be1", "status", "--pins", pins("be1")).stdout, re.MULTILINE)


def test_what_a_backend_does_not_have_is_said(backend: None) -> None:
    done = order("be1", "services", "--pins", pins("be1"))
    assert done.returncode != 0
    assert "this is a backend" in done.stderr


def test_metrics_tell_packets_and_vips(backend: None) -> None:
    assert answer(*FIRST_VIPS)
    code, metrics = own_page("metrics")
    assert code == 200
    assert re.search(r'^guideway_decap_packets_total\{verdict="unwrapped"\} [1-9]', metrics, re.MULTILINE)
    assert re.search(r'^guideway_decap_vip_local\{vip="192.0.2.10"\} 1$', metrics, re.MULTILINE)


@pytest.mark.skipif(not shutil.which("promtool"), reason="promtool is not installed")
def test_promtool_likes_the_metrics(backend: None) -> None:
    output("be1", "sh", "-c", "set -e; curl -sSf http://127.0.0.1:9661/metrics >$0; promtool check metrics <$0",
           DIR / "metrics")


def test_pages_tell_that_it_is_ready_and_healthy(backend: None) -> None:
    assert own_page("readyz") == (200, "ready\n")
    assert own_page("healthz") == (200, "ok\n")
    code, page = own_page("status.json")
    assert code == 200
    assert '"vips"' in page
    assert own_page("nothing")[0] == 404


# --- changed under traffic -------------------------------------------------------------------------------------------


@contextlib.contextmanager
def losing_nothing() -> Iterator[None]:
    """Of datagrams that come for the VIPs that stay."""
    before = unwrapped()
    with numbered_datagrams(9001, FIRST_VIPS, ["be1"], "--rate", 2000):
        wait_until(lambda: unwrapped() > before + 50)
        yield


def test_the_files_event_adds_a_vip() -> None:
    started_with(FIRST_VIPS)
    with losing_nothing():
        put_config([*FIRST_VIPS, ADDED_VIP])
        wait_until(lambda: served() == {*FIRST_VIPS, ADDED_VIP})
        assert ADDED_VIP in addresses()


def test_a_reload_adds_pools_of_both_families() -> None:
    started_with([*FIRST_VIPS, ADDED_VIP])
    assert not set(POOLS) & local_routes()
    with losing_nothing():
        put_config(EVERYTHING)
        reload("be1")
        assert set(POOLS) <= local_routes()
        applied = reloads()[0]  # the file's event may have been faster
        reload("be1")
        wait_until(lambda: reloads()[0] > applied)


def test_a_vip_that_is_in_the_file_no_more_goes(backend: None) -> None:
    with losing_nothing():
        put_config([*FIRST_VIPS, *POOLS])
        wait_until(lambda: ADDED_VIP not in addresses())


def test_sighup_reads_the_file() -> None:
    started_with([*FIRST_VIPS, *POOLS])
    with losing_nothing():
        put_config(EVERYTHING)
        processes["be1-backend"].send_signal(signal.SIGHUP)
        wait_until(lambda: ADDED_VIP in addresses())


def test_a_broken_file_is_refused_while_it_runs(backend: None) -> None:
    with losing_nothing():
        put_config(EVERYTHING, vip="oops")
        wait_until(lambda: said("be.yaml:7:1: vip: unknown key; did you mean "))


def test_questions_cost_no_packet(backend: None) -> None:
    with losing_nothing():
        for _ in range(20):
            status("be1")


def test_bad_files_are_refused_with_all_of_their_errors(backend: None) -> None:
    files = sorted((ROOT / "tests/fixtures/config/bad-backend").glob("*.yaml"))
    wanted, got = {}, {}
    with losing_nothing():
        for file in files:
            put(CONFIG, file.read_text())
            done = order("be1", "reload")
            expected = file.with_suffix(".expected").read_text()
            wanted[file.name] = (1, re.sub(f"^{re.escape(file.name)}:", f"{CONFIG}:", expected, flags=re.MULTILINE))
            got[file.name] = (done.returncode, done.stderr)
    assert got == wanted
    assert len(files) > 30
    put_config(EVERYTHING)
    reload("be1")


# --- pools -----------------------------------------------------------------------------------------------------------


def test_all_of_a_pool_is_served_and_none_of_it_is_an_address(backend: None) -> None:
    assert answer(*OF_POOLS)
    assert not re.search(r"192\.0\.2\.99|2001:db8:2::", output("be1", "ip", "-oneline", "address", "show"))
    prefixes = [vip for vip in status("be1")["vips"] if vip["kind"] == "prefix"]
    assert len(prefixes) == 2
    assert all(prefix["local"] for prefix in prefixes)


def test_eth0_answers_no_arp_for_a_pool(backend: None) -> None:
    output("router", "ip", "route", "add", "192.0.2.100/32", "dev", "br-fabric")
    try:
        on("router", "ping", "-c", 1, "-W", 5, "192.0.2.100")
        neighbour = output("router", "ip", "neigh", "show", "192.0.2.100")
    finally:
        output("router", "ip", "route", "del", "192.0.2.100/32", "dev", "br-fabric")
    assert neighbour.startswith("192.0.2.100 ")  # it was asked for
    assert "lladdr" not in neighbour


def test_a_local_route_that_somebody_deletes_comes_back(backend: None) -> None:
    output("be1", "ip", "route", "del", "local", "192.0.2.64/26", "dev", "lo", "table", "local")
    wait_until(lambda: "192.0.2.64/26" in local_routes())


# --- refused ---------------------------------------------------------------------------------------------------------


def put_fifo() -> None:
    CONFIG.unlink()
    os.mkfifo(CONFIG)


@pytest.mark.parametrize("change, why", [
    pytest.param(lambda: put_config(["192.0.2.300", "192.0.2.10", "192.0.2.10"], adresses=False),
                 r"be\.yaml:2:8: vips\[0\]: '192\.0\.2\.300' is not an IP address", id="three errors"),
    pytest.param(lambda: put_config([*FIRST_VIPS, "10.0.0.96/27"]),
                 r"10\.0\.0\.96/27 holds 10\.0\.0\.101", id="a pool that holds the host's own address"),
    pytest.param(lambda: put_config([*FIRST_VIPS, "10.0.0.0/28"]),
                 r"10\.0\.0\.0/28 holds 10\.0\.0\.11", id="a pool that holds a balancer"),
    pytest.param(lambda: put_config(EVERYTHING, pins="/sys/fs/bpf/elsewhere"),
                 "pins: /sys/fs/bpf/be1 cannot become /sys/fs/bpf/elsewhere by a reload", id="other pins"),
    pytest.param(lambda: put_config(EVERYTHING, interfaces=["eth7"]),
                 "eth7: no such interface", id="an interface that is not there"),
    pytest.param(lambda: put_config(EVERYTHING, http="198.51.100.99:9661"),
                 r"listen on 198\.51\.100\.99:9661", id="an address to listen on that is not there"),
    pytest.param(CONFIG.unlink, "No such file", id="no file"),
    pytest.param(put_fifo, "it is a FIFO", id="a FIFO"),
])
def test_a_refused_file_changes_nothing(backend: None, change: Callable[[], None], why: str) -> None:
    change()
    done = order("be1", "reload")
    assert done.returncode == 1
    assert re.search(why, done.stderr), done.stderr
    assert answer("192.0.2.10", ADDED_VIP, "192.0.2.99")
    last = status("be1")["helper"]["last_reload"]
    assert not last["ok"]
    assert last["errors"]
    assert own_page("readyz") == (200, "ready\n")
    put_config(EVERYTHING)
    wait_until(lambda: status("be1")["helper"]["last_reload"]["ok"])


def test_each_error_of_a_refused_file_is_shown(backend: None) -> None:
    put_config(["192.0.2.300", "192.0.2.10", "192.0.2.10"], adresses=False)
    shown = order("be1", "reload").stderr
    assert len(re.findall(f"^{CONFIG}:", shown, re.MULTILINE)) == 3, shown


def test_a_file_that_is_being_written_is_not_read(backend: None) -> None:
    before = reloads()
    with CONFIG.open("w") as file:
        file.write(config(FIRST_VIPS))
        file.flush()
        opened = time.monotonic()
        wait_until(lambda: time.monotonic() > opened + 3)  # two looks at the file, which take a second each
        assert answer(ADDED_VIP, "192.0.2.99")
        assert reloads() == before
        done = order("be1", "reload")
        assert done.returncode == 1
        assert "some process is writing it" in done.stderr
    wait_until(lambda: served() == set(FIRST_VIPS))
    put_config(EVERYTHING)
    wait_until(lambda: set(POOLS) <= local_routes())


# --- what is wrong ---------------------------------------------------------------------------------------------------


def test_arp_ignore_comes_back(backend: None) -> None:
    output("be1", "sysctl", "-q", "-w", "net.ipv4.conf.eth0.arp_ignore=0")
    wait_until(lambda: arp_ignore() == 1)


def test_an_mtu_that_is_too_small_is_said_as_long_as_it_is(backend: None) -> None:
    output("be1", "ip", "link", "set", "eth0", "mtu", 1500)
    try:
        wait_until(lambda: any_degraded("MTU 1500 is too small"))
        assert "\ndegraded: eth0: MTU 1500 is too small" in own_page("readyz")[1]
        wait_until(lambda: said("MTU 1500 is too small"))
    finally:
        output("be1", "ip", "link", "set", "eth0", "mtu", 1600)
    wait_until(lambda: status("be1")["degraded"] == [])
    lines = re.findall(".*MTU 1500 is too small.*", log("be1-backend"))
    assert len(lines) == len(set(lines))  # one for each family


def test_a_program_that_somebody_detaches_comes_back(backend: None) -> None:
    output("be1", "bpftool", "link", "detach", "pinned", pins("be1") / "link-eth0")
    wait_until(lambda: said("the program had been detached; attached again"))
    assert xdp_attached("be1")


# --- ended -----------------------------------------------------------------------------------------------------------


def test_vips_and_pools_outlive_a_killed_process(backend: None) -> None:
    kill("be1-backend")
    assert answer("192.0.2.10", ADDED_VIP, "192.0.2.99", "2001:db8:2::7")
    left = left_behind("be1")
    assert left["helper"] is None
    assert len(left["vips"]) == 5
    assert left["fault"] is None


def test_a_successor_goes_on_with_the_counters_and_takes_away_what_is_in_the_file_no_more(backend: None) -> None:
    assert answer("192.0.2.10")
    kill("be1-backend")
    before = unwrapped()
    started_with([*FIRST_VIPS, *POOLS])
    assert said("took over from an earlier helper")
    assert status("be1")["verdicts"]["unwrapped"]["packets"] >= before > 0
    wait_until(lambda: ADDED_VIP not in addresses())


def test_vips_and_pools_outlive_sigterm(backend: None) -> None:
    assert stop("be1-backend") == 0
    assert answer("192.0.2.10", "192.0.2.99")


def test_a_map_of_another_version_is_replaced(backend: None) -> None:
    stop("be1-backend")
    pin = pins("be1") / "decap_vip_prefixes"
    pin.unlink()
    output("be1", "bpftool", "map", "create", pin, *"type hash key 16 value 4 entries 8 name former".split())
    start_by_file()
    assert said("'decap_vip_prefixes' is another version's")
    assert answer("192.0.2.99", "2001:db8:2::7")


@pytest.fixture
def others_addresses(backend: None) -> Iterator[None]:
    """A process that leaves a VIP and a pool to others, who bring them when it has taken away its own."""
    stop("be1-backend")
    put_config([*FIRST_VIPS, *POOLS], addresses=False)
    start_by_file()
    assert not set(FIRST_VIPS) & addresses()
    assert "192.0.2.64/26" not in local_routes()
    wait_until(lambda: any_degraded("192.0.2.10 is not local"))
    output("be1", "ip", "address", "add", "192.0.2.10/32", "dev", "lo")
    output("be1", "ip", "route", "add", "local", "192.0.2.64/26", "dev", "lo")
    yield
    output("be1", "ip", "address", "del", "192.0.2.10/32", "dev", "lo")
    output("be1", "ip", "route", "del", "local", "192.0.2.64/26", "dev", "lo")


def test_what_others_bring_is_served(others_addresses: None) -> None:
    wait_until(lambda: answer("192.0.2.10", "192.0.2.99"))


def test_detach_on_exit_takes_away_what_the_process_added_and_nothing_of_others(others_addresses: None) -> None:
    put_config([*FIRST_VIPS, *POOLS])
    wait_until(lambda: "2001:db8:2::/64" in local_routes())
    stop("be1-backend")
    start_by_file("--detach-on-exit")
    stop("be1-backend")
    wait_until(lambda: not xdp_attached("be1"))  # the kernel lets go of it a moment after the unlink
    assert "2001:db8:1::10" not in addresses()
    assert "2001:db8:2::/64" not in local_routes()
    assert "192.0.2.10" in addresses()
    assert "192.0.2.64/26" in local_routes()
    assert arp_ignore() == 0
    assert not pins("be1").exists()


def test_settings_that_are_read_only_are_the_hosts_to_make() -> None:
    """As in a container."""
    output("be1", "sysctl", "-q", "-w", "net.ipv4.conf.all.arp_ignore=0", "net.ipv4.conf.eth0.arp_ignore=0")
    output("be1", "mount", "--bind", "/proc/sys", "/proc/sys")
    try:
        output("be1", "mount", "-o", "remount,bind,ro", "/proc/sys")
        started_with(FIRST_VIPS)
        assert set(FIRST_VIPS) <= addresses()
        wait_until(lambda: any_degraded("eth0: this host answers ARP for the VIPs.*arp_ignore to 1"))
    finally:
        output("be1", "umount", "/proc/sys")
    wait_until(lambda: arp_ignore() == 1)
    wait_until(lambda: status("be1")["degraded"] == [])
    output("be1", "sysctl", "-q", "-w", "net.ipv4.conf.all.arp_ignore=1")
