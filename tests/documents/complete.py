#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The operators' pages are complete: every metric that is served stands in docs/metrics.md, and every one that stands
there is served."""
import re
import sys
from pathlib import Path

SERVED = re.compile(r'(?:counter|gauge)\(\s*"((?:guideway|process)_\w+)"')
DOCUMENTED = re.compile(r"`((?:guideway|process)_\w+)`")


def metrics_served(root):
    sources = [*root.glob("userspace/api/*.cpp"), *root.glob("userspace/backend/*.cpp")]
    return {name for source in sources for name in SERVED.findall(source.read_text(encoding="utf-8"))}


def wrong_metrics(root):
    served = metrics_served(root)
    documented = set(DOCUMENTED.findall((root / "docs/metrics.md").read_text(encoding="utf-8")))
    yield from (f"{name} is served, and not in docs/metrics.md" for name in sorted(served - documented))
    yield from (f"docs/metrics.md has {name}, which nobody serves" for name in sorted(documented - served))


def main(root):
    wrong = list(wrong_metrics(root))
    print("\n".join(wrong) or f"{len(metrics_served(root))} metrics are in docs/metrics.md")
    return 1 if wrong or not metrics_served(root) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
