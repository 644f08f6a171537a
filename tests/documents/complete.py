#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The operators' pages are complete: each metric that is served, and no other, stands in docs/metrics.md; each alert leads
to a heading of its own in docs/runbook.md; each verdict that drops stands in docs/verdicts.md, and has such a heading if
nobody should expect it; and the runbook's table has the faults that its test injects, and no others."""
import re
import sys
from pathlib import Path

SERVED = re.compile(r'(?:counter|gauge)\(\s*"((?:guideway|process)_\w+)"')
METRIC = re.compile(r"`((?:guideway|process)_\w+)`")
ALERT = re.compile(r"- alert: (\w+)$.*?runbook: (\S+)$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^### (\w+)$", re.MULTILINE)
NAMED = re.compile(r'abi::VERDICT_\w+,\s*"(\w+)"')
VERDICT_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| [^|]* \| (.*) \|$", re.MULTILINE)
INJECTED = re.compile(r'^ *names "([^"]+)"', re.MULTILINE)
FAULT_TABLE = re.compile(r"^\| fault \| command.*?\n\n", re.MULTILINE | re.DOTALL)
FAULT_ROW = re.compile(r"^\| (?!fault|---)([^|]+) \|", re.MULTILINE)


def text_of(root, path):
    return (root / path).read_text(encoding="utf-8")


def metrics_served(root):
    sources = [*root.glob("userspace/api/*.cpp"), *root.glob("userspace/backend/*.cpp")]
    return {name for source in sources for name in SERVED.findall(source.read_text(encoding="utf-8"))}


def wrong_metrics(root):
    served = metrics_served(root)
    documented = set(METRIC.findall(text_of(root, "docs/metrics.md")))
    yield from (f"{name} is served, and not in docs/metrics.md" for name in sorted(served - documented))
    yield from (f"docs/metrics.md has {name}, which nobody serves" for name in sorted(documented - served))


def wrong_alerts(root):
    text = text_of(root, "configs/prometheus/alerts.yaml")
    alerts = dict(ALERT.findall(text))
    headings = set(HEADING.findall(text_of(root, "docs/runbook.md")))
    for alert in re.findall(r"- alert: (\w+)", text):
        if alerts.get(alert) != f"docs/runbook.md#{alert.lower()}":
            yield f"{alert} does not lead to its heading in docs/runbook.md"
        if alert not in headings:
            yield f"docs/runbook.md has no heading for {alert}"
    for heading in headings:
        if heading.startswith("Guideway") and heading not in alerts:
            yield f"docs/runbook.md has {heading}, which is no alert"


def wrong_verdicts(root):
    rows = {name: (action, expected) for name, action, expected in VERDICT_ROW.findall(text_of(root, "docs/verdicts.md"))}
    headings = set(HEADING.findall(text_of(root, "docs/runbook.md")))
    for name in NAMED.findall(text_of(root, "userspace/datapath/verdict_names.cpp")):
        if name not in rows:
            yield f"docs/verdicts.md has no row for {name}"
    for name, (action, expected) in rows.items():
        if action == "drop" and expected.startswith("no:") and name not in headings:
            yield f"docs/runbook.md has no heading for {name}, which nobody should expect"
    for heading in headings:
        if not heading.startswith("Guideway") and heading not in rows:
            yield f"docs/runbook.md has {heading}, which is no verdict"


def wrong_faults(root):
    injected = set(INJECTED.findall(text_of(root, "tests/system/runbook.test.sh")))
    table = FAULT_TABLE.search(text_of(root, "docs/runbook.md"))
    told = {row.strip() for row in FAULT_ROW.findall(table.group())} if table else set()
    yield from (f"docs/runbook.md's table lacks '{fault}', which its test injects" for fault in sorted(injected - told))
    yield from (f"docs/runbook.md's table has '{fault}', which no test injects" for fault in sorted(told - injected))


def main(root):
    wrong = [line for check in (wrong_metrics, wrong_alerts, wrong_verdicts, wrong_faults) for line in check(root)]
    print("\n".join(wrong) or "metrics, alerts, verdicts and faults have their places")
    return 1 if wrong or not metrics_served(root) else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
