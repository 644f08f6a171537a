#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every link of the repository's documents, of its alert rules and of its dashboard leads to a file that exists, and to a
heading that it has."""
import re
import sys
from pathlib import Path

PAGES = ("*.md", "docs/*.md", "configs/**/*.md", "tests/**/*.md")
ALERTS = "configs/prometheus/alerts.yaml"
DASHBOARD = "configs/grafana/guideway.json"
RUNBOOK = re.compile(r"^ *runbook: (\S+)$", re.MULTILINE)
PAGE_IN_TEXT = re.compile(r"\bdocs/[\w.-]+\.md(?:#[\w-]+)?")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def text_of(page):
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def anchors_of(page):
    """As GitHub makes them: small letters, no punctuation, a hyphen for each space."""
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text_of(page))}


def wrong_links(page):
    return wrong_targets(page, page.parent, LINK.findall(CODE.sub("", text_of(page))))


def wrong_runbooks(root):
    alerts = root / ALERTS
    return wrong_targets(alerts, root, RUNBOOK.findall(alerts.read_text(encoding="utf-8")))


def wrong_in_dashboard(root):
    dashboard = root / DASHBOARD
    return wrong_targets(dashboard, root, PAGE_IN_TEXT.findall(dashboard.read_text(encoding="utf-8")))


def wrong_targets(page, folder, targets):
    for target in targets:
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        there = (folder / path).resolve() if path else page
        if not there.exists():
            yield f"{page}: {target}: no such file"
        elif anchor and anchor not in anchors_of(there):
            yield f"{page}: {target}: {there.name} has no such heading"


def main(root):
    pages = [page for pattern in PAGES for page in sorted(Path(root).glob(pattern))]
    wrong = [line for page in pages for line in wrong_links(page)]
    wrong += [*wrong_runbooks(Path(root)), *wrong_in_dashboard(Path(root))]
    print("\n".join(wrong) or f"{len(pages)} documents: every link leads somewhere")
    return 1 if wrong or not pages else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
