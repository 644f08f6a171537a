#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes one table of the benchmarks' JSON (Google Benchmark): what, wanted, measured as minimum and median.

    report.py TABLE_BENCH.json FLEET_BENCH.json PROBE_BENCH.json JUDGEMENT_BENCH.json
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


def main():
    runs = Runs(sys.argv[1:])
    failures = 0

    def row(what, wanted, least, median, ok):
        nonlocal failures
        failures += not ok
        print(f"{what:<66} {wanted:>12} {least:>10} {median:>10}  {'ok' if ok else 'MISSED'}")

    def at_least(what, times, slow, fast):
        least, median = ratio(runs, slow, fast)
        row(what, f">= {times} x", f"{least:.1f} x", f"{median:.1f} x", median >= times)

    def at_most(what, times, slow, fast):
        least, median = ratio(runs, slow, fast)
        row(what, f"<= {times} x", f"{least:.2f} x", f"{median:.2f} x", median <= times)

    def below(what, limit, unit, least, median):
        row(what, f"< {limit} {unit}", f"{least:.1f} {unit}", f"{median:.1f} {unit}", median < limit)

    print(f"{'':<66} {'wanted':>12} {'of minima':>10} {'of medians':>10}")
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

    print()
    for name in ("plain_pseudocode/1000/65537", "base_table_equal/1000/65537", "plain_pseudocode/1000/655373",
                 "base_table_equal/1000/655373", "failover_in_kernel"):
        print(f"{name:<66} {'':>12} {runs.least(name) * 1e6:>7.1f} us {runs.median(name) * 1e6:>7.1f} us")
    print(f"\n{failures} missed" if failures else "\nAll as wanted.")
    return 1 if failures else 0


sys.exit(main())
