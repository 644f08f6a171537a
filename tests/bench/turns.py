#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs one or two datapath_bench in turns, pinned to one CPU, and prints what a packet costs above the floor.

    turns.py HERE=BINARY [REV=BINARY]

Rounds are added until no row's median is more than 5 % above its minimum, or there were enough; rows that stay further
apart are marked. The floor is the least that a program does that wraps a packet; the limit is that and the flow hash.
"""
import json
import os
import statistics
import subprocess
import sys

LEAST_ROUNDS, MOST_ROUNDS = 5, 15
SPREAD = 0.05
ROWS = [
    # row, what it is, its floor, its limit, at most so much of the other commit's ns above the floor
    ("tcp4/1", "TCP over IPv4, settled, 1 flow", "floor/1", "limit/1", None),
    ("tcp4/65536", "    65,536 flows", "floor/65536", "limit/65536", 0.58),
    ("tcp4/1048576", "    1,048,576 flows", "floor/1048576", "limit/1048576", None),
    ("udp4/65536", "UDP over IPv4", "floor/65536", "limit/65536", 0.58),
    ("tcp6/65536", "TCP over IPv6, to a backend's IPv4 address", "floor6/65536", "limit6/65536", 0.65),
    ("pass/65536", "for no VIP", "floor/65536", None, 0.7),
    ("moving/65536", "in moving slots", "floor/65536", None, 0.5),
    ("always/65536", "tracking: always", "floor/65536", None, 0.5),
    ("naming/65536", "in moving slots, second chance: names 4 former owners", "floor/65536", None, None),
    ("beside_naming/65536", "settled, beside a service with second chance", "floor/65536", "limit/65536", None),
    ("all_features/65536", "access lists, GRE, records for another service", "floor/65536", "limit/65536", None),
    ("two_cpus/65536", "TCP over IPv4 on two CPUs at once", "floor/65536", "limit/65536", None),
    ("services32/65536", "32 services, M=65537", "floor/65536", "limit/65536", None),
    ("services128/65536", "128 services", "floor/65536", "limit/65536", None),
    ("services1000/65536", "1,000 services", "floor/65536", "limit/65536", None),
    ("small_services1/65536", "1 service, M=4093", "floor/65536", "limit/65536", None),
    ("small_services32/65536", "32 services", "floor/65536", "limit/65536", None),
    ("small_services128/65536", "128 services", "floor/65536", "limit/65536", None),
    ("small_services1000/65536", "1,000 services", "floor/65536", "limit/65536", None),
    ("other/65536", "the program of GUIDEWAY_PROGRAM", "floor/65536", None, None),
]
# A row's ns, floor and all, over another one's of the same run.
RATIOS = [
    ("small_services32/65536", "small_services1/65536", "32 services of M=4093 over one", 1.15),
    ("small_services128/65536", "small_services1/65536", "128", 1.5),
    ("small_services1000/65536", "small_services1/65536", "1,000", 5),
    ("two_cpus/65536", "tcp4/65536", "on two CPUs at once over one", 1.05),
    ("beside_naming/65536", "tcp4/65536", "settled, beside a service with second chance, over alone", 1.05),
    ("live/balancer", "live/reflector", "a live frame over a reflector's", 1 / 0.7),
]


def pinned(command):
    """On the last CPU, before all else that wants it where that is allowed."""
    cpu = str(max(os.sched_getaffinity(0)))
    first = ["chrt", "-f", "1"]
    allowed = subprocess.run([*first, "true"], stderr=subprocess.DEVNULL, check=False).returncode == 0
    return [*(first if allowed else []), "taskset", "-c", cpu, *command]


def run(binary):
    """ns by row, of one run."""
    command = pinned([binary, "--benchmark_filter=datapath", "--benchmark_format=json"])
    finished = subprocess.run(command, capture_output=True, text=True, check=False)
    if finished.returncode != 0:
        sys.exit(f"{binary}: {finished.stderr.strip().splitlines()[-1]}")
    scale = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
    rows = {}
    for each in json.loads(finished.stdout)["benchmarks"]:
        if each["run_type"] == "iteration":
            name = each["name"].split("/iterations:")[0].removeprefix("datapath/")
            rows[name] = each["real_time"] * scale[each["time_unit"]]
    return rows


class Times:
    """The rounds of one binary."""

    def __init__(self):
        self.rows = {}

    def add(self, rows):
        for name, time in rows.items():
            self.rows.setdefault(name, []).append(time)

    def least(self, name):
        return min(self.rows[name])

    def median(self, name):
        return statistics.median(self.rows[name])

    def spread(self, name):
        return self.median(name) / self.least(name) - 1

    def above(self, name, floor):
        return self.least(name) - self.least(floor), self.median(name) - self.median(floor)


def measure(binaries):
    times = {name: Times() for name in binaries}
    for count in range(1, MOST_ROUNDS + 1):
        for name, binary in binaries.items():
            times[name].add(run(binary))
        settled = all(each.spread(row) <= SPREAD for each in times.values() for row in each.rows)
        print(f"\rround {count}", end="", file=sys.stderr)
        if settled and count >= LEAST_ROUNDS:
            break
    print(f"\r{count} rounds in turns; ns above the floor as minimum, median; ~ where these are over {SPREAD:.0%} apart")
    return times


def text(times, row, floor):
    least, median = times.above(row, floor)
    return f"{least:6.1f} {median:6.1f}{'~' if times.spread(row) > SPREAD else ' '}"


def print_rows(times, here, other):
    print(f"{'':<50} {here:>14}  {other or '':>14} {'of it':>6} {'wanted':>7} {'limit':>6}")
    for row, what, floor, limit, wanted in ROWS:
        if row not in times[here].rows:
            continue
        line = f"{what:<50} {text(times[here], row, floor):>14}"
        verdict = ""
        if other and row in times[other].rows:
            ratio = times[here].above(row, floor)[0] / times[other].above(row, floor)[0]
            verdict = "" if wanted is None else "ok" if ratio <= wanted else "MISSED"
            line += f"  {text(times[other], row, floor):>14} {ratio:>6.2f} {wanted or '':>7}"
        else:
            line += f"  {'':>14} {'':>6} {'':>7}"
        line += f" {times[here].above(limit, floor)[0]:>6.1f}" if limit else f" {'':>6}"
        print(f"{line}  {verdict}".rstrip())


def print_ratios(times):
    print()
    for row, to, what, wanted in RATIOS:
        if row not in times.rows:
            continue
        least, median = times.least(row) / times.least(to), times.median(row) / times.median(to)
        verdict = "ok" if least <= wanted else "MISSED"
        print(f"{what:<50} {least:6.2f} {median:6.2f}   wanted: at most {wanted:.2f}  {verdict}")
    print()
    for floor in ("floor/65536", "floor6/65536"):
        print(f"{floor:<50} {times.least(floor):6.1f} {times.median(floor):6.1f}   ns")


def main():
    if not sys.argv[1:] or not all("=" in each for each in sys.argv[1:]):
        sys.exit(__doc__)
    binaries = dict(each.split("=", 1) for each in sys.argv[1:])
    names = list(binaries)
    times = measure(binaries)
    print_rows(times, names[0], names[1] if len(names) > 1 else None)
    print_ratios(times[names[0]])


main()
