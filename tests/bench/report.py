#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one table of the benchmarks' JSON (Google Benchmark): what, wanted, measured as minimum and median.

    report.py NAME_bench.json ...
"""
import json
import statistics
import sys


class Runs:
    """The repetitions of every benchmark, by name without the run's suffixes."""

    def __init__(self, paths):
        self.times, self.counters = {}, {}
        for path in paths:
            with open(path, encoding="utf-8") as file:
                for run in json.load(file)["benchmarks"]:
                    if run["run_type"] != "iteration":
                        continue
                    name = run["name"].split("/iterations:")[0].removesuffix("/manual_time")
                    scale = {"ns": 1e-9, "us": 1e-6, "ms": 1e-3, "s": 1}[run["time_unit"]]
                    self.times.setdefault(name, []).append(run["real_time"] * scale)
                    self.counters.setdefault(name, []).append(run)

    def least(self, name):
        return min(self.times[name])

    def median(self, name):
        return statistics.median(self.times[name])

    def counter(self, name, key):
        return max(run[key] for run in self.counters[name])


def ratio(runs, slow, fast):
    return runs.least(slow) / runs.least(fast), runs.median(slow) / runs.median(fast)


def datapath_figures(runs):
    """By case, as (of minima, of medians): times a packet over the floor of the same flows, and what is asked for."""
    def both(name):
        return runs.least(f"datapath/{name}"), runs.median(f"datapath/{name}")

    def over_floor(case, flows=65536):
        floor = both(f"{'floor6' if case == 'tcp6' else 'floor'}/{flows}")
        return tuple(time / at_least for time, at_least in zip(both(f"{case}/{flows}"), floor))

    def above_floor(case, flows):
        return tuple(time - at_least for time, at_least in zip(both(f"{case}/{flows}"), both(f"floor/{flows}")))

    def against(one, other):
        return tuple(a / b for a, b in zip(one, other))

    for flows in (1, 65536, 1048576):
        yield f"a packet over the floor (adjust_head, XDP_TX): TCP over IPv4, {flows:,} flows", 1.8, over_floor("tcp4", flows)
    yield "    32 services, all hit", 2.3, over_floor("services32")
    yield "    128 services, all hit", None, over_floor("services128")
    yield "    UDP", None, over_floor("udp4")
    yield "    not for a VIP: passed", None, over_floor("pass")
    yield "    in moving slots, 65,536 flows", None, over_floor("moving")
    yield "    tracking: always, 65,536 flows", None, over_floor("always")
    yield "IPv6 over IPv4", 1.4, against(both("tcp6/65536"), both("tcp4/65536"))
    yield ("settled over tracking: always, both above the floor, 1,048,576 flows", 0.2,
           against(above_floor("tcp4", 1048576), above_floor("always", 1048576)))
    yield ("access lists, GRE, tracking configured, for another service, over without", 1.05,
           against(both("all_features/65536"), both("tcp4/65536")))


def main():
    runs = Runs(sys.argv[1:])
    failures = 0

    def row(what, wanted, least, median, ok):
        nonlocal failures
        failures += not ok
        print(f"{what:<80} {wanted:>12} {least:>10} {median:>10}  {'ok' if ok else 'MISSED'}")

    def at_least(what, times, slow, fast):
        least, median = ratio(runs, slow, fast)
        row(what, f">= {times} x", f"{least:.1f} x", f"{median:.1f} x", median >= times)

    def at_most(what, times, slow, fast):
        least, median = ratio(runs, slow, fast)
        row(what, f"<= {times} x", f"{least:.2f} x", f"{median:.2f} x", median <= times)

    def below(what, limit, unit, least, median):
        row(what, f"< {limit} {unit}", f"{least:.1f} {unit}", f"{median:.1f} {unit}", median < limit)

    print(f"{'':<80} {'wanted':>12} {'of minima':>10} {'of medians':>10}")
    at_least("base table against the paper's pseudo-code, N=1000, M=65537", 3,
             "plain_pseudocode/1000/65537", "base_table_equal/1000/65537")
    at_least("the same, M=655373", 3, "plain_pseudocode/1000/655373", "base_table_equal/1000/655373")
    for kind in ("one", "few", "half"):
        for size in (65537, 655373):
            at_most(f"weights 65535:1 among 4,096 ({kind} heavy) against equal, M={size}", 2,
                    f"base_table_{kind}_heavy/4096/{size}", f"base_table_equal/4096/{size}")
    at_least("one of 1,000 backends down, stored in the kernel, against a base table", 20, "base_table", "failover_in_kernel")
    memory = runs.counter("base_table_equal/1000/655373", "peak_MiB")
    below("builder's memory, N=1000, M=655373", 16, "MiB", memory, memory)
    first = "first_tables"
    below("1,000 services x 100 backends: configuration to tables stored", 2, "s", runs.least(first), runs.median(first))
    memory = runs.counter(first, "peak_MiB")
    below("    agent's memory meanwhile, without the mapped tables", 400, "MiB", memory, memory)
    weight = "reload_one_weight"
    below("    a reload that changes one weight in it", 50, "ms", runs.least(weight) * 1e3, runs.median(weight) * 1e3)

    for kind, count in (("tcp", 2000), ("http", 1000)):
        name = f"probe_{kind}/{count}"
        below(f"{count:,} backends probed each second by {kind}, through the tunnel", 25, "% core",
              min(run["core_percent"] for run in runs.counters[name]), runs.counter(name, "core_percent"))
        late = min(run["late"] for run in runs.counters[name])
        below("    probes later than a tenth of their interval", 1, "", late, late)

    delays = [run["p99_ms"] for run in runs.counters["judgement_to_kernel"]]
    below("a failed probe to the last slot stored, 1,000 backends, p99 of 200", 10, "ms", min(delays),
          statistics.median(delays))

    for what, limit, (least, median) in datapath_figures(runs):
        row(what, f"<= {limit} x" if limit else "", f"{least:.2f} x", f"{median:.2f} x", not limit or least <= limit)
    at_least_live = ratio(runs, "datapath/live/reflector", "datapath/live/balancer")
    row("live frames a second, over those of XDP_TX alone, 1,048,576 flows", ">= 0.8 x",
        *(f"{each:.2f} x" for each in at_least_live), at_least_live[0] >= 0.8)
    print(f"{'    instructions of the program, as the kernel has rewritten it':<80} {'':>12} "
          f"{runs.counter('datapath/tcp4/1', 'instructions'):>10.0f}")

    print()
    for name in ("datapath/floor/65536", "datapath/tcp4/65536", "datapath/tcp6/65536", "datapath/always/1048576"):
        print(f"{name:<80} {'':>12} {runs.least(name) * 1e9:>7.0f} ns {runs.median(name) * 1e9:>7.0f} ns")
    for name in ("plain_pseudocode/1000/65537", "base_table_equal/1000/65537", "plain_pseudocode/1000/655373",
                 "base_table_equal/1000/655373", "failover_in_kernel"):
        print(f"{name:<80} {'':>12} {runs.least(name) * 1e6:>7.1f} us {runs.median(name) * 1e6:>7.1f} us")
    print(f"\n{failures} missed" if failures else "\nAll as wanted.")
    return 1 if failures else 0


sys.exit(main())
