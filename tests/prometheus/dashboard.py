#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""configs/grafana/guideway.json, as far as that can be told without a Grafana.

  dashboard.py check FILE       its shape: panels that do not overlap, each with the datasource that is chosen
  dashboard.py empty FILE URL   runs each panel's queries by that Prometheus; prints the panels that get nothing
"""
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

VARIABLES = {"$__rate_interval": "10s", "$instance": ".*", "$service": ".*"}
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}


def panels_of(path):
    return json.loads(Path(path).read_text(encoding="utf-8"))["panels"]


def queries_of(panel):
    for target in panel.get("targets", []):
        query = target["expr"]
        for variable, value in VARIABLES.items():
            query = query.replace(variable, value)
        yield query


def answer_to(query, url):
    """How many series it has. Errors: what Prometheus finds wrong in it."""
    address = f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(address, timeout=10) as answer:
            return len(json.load(answer)["data"]["result"])
    except urllib.error.HTTPError as error:
        sys.exit(f"{query}: {json.load(error)['error']}")


def print_empty(path, url):
    for panel in panels_of(path):
        if not all(answer_to(query, url) for query in queries_of(panel)):
            print(panel["title"])


def cells_of(panel):
    place = panel["gridPos"]
    return {
        (x, y)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    }


def wrong_in(panels):
    taken, numbers, titles = set(), set(), set()
    for panel in panels:
        name = f"panel '{panel['title']}'"
        if taken & cells_of(panel) or max(x for x, _ in cells_of(panel)) >= 24:
            yield f"{name} overlaps another, or the edge"
        if panel["id"] in numbers:
            yield f"{name} has another one's id"
        row = [each["title"] for each in panels if each["type"] == "row" and each["gridPos"]["y"] <= panel["gridPos"]["y"]]
        if (row[-1], panel["title"]) in titles:
            yield f"{name} is twice in its row"
        taken |= cells_of(panel)
        numbers.add(panel["id"])
        titles.add((row[-1], panel["title"]))
        if panel["type"] == "row":
            continue
        if any(each["datasource"] != DATASOURCE for each in [panel, *panel["targets"]]):
            yield f"{name} does not ask the datasource that is chosen"
        if any("$" in query for query in queries_of(panel)):
            yield f"{name} asks with a variable that is not known here"


def main(what, path, *url):
    if what == "empty":
        print_empty(path, *url)
        return 0
    wrong = list(wrong_in(panels_of(path)))
    print("\n".join(wrong) or f"ok: {len(panels_of(path))} panels and rows")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
