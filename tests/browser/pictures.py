#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Takes the pictures of the status page that the documents show, of a fleet with a backend down: pictures.py FOLDER"""
import shutil
import subprocess
import sys
import time
from pathlib import Path

from browser import Browser, need
from page_test import DOWN
from stand_in import StandIn, small_fleet

VIEWS = {"overview": "#/", "service": "#/service/web/10.0.1.12"}


def fleet():
    status = small_fleet()
    for service in status["services"]:
        for place, backend in enumerate(service["backends"]):
            backend["health"]["latency_seconds"] = 0.0008 + 0.0003 * place
    status["flow_table"]["records"] = 18231
    return status


def main():
    need("chromium", "chromedriver")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    stand_in = StandIn(fleet())
    stand_in.carries = 41000
    browser = Browser()
    try:
        browser.size(1400)
        browser.open(stand_in.address)
        time.sleep(20)  # of sparklines
        stand_in.change("web", "10.0.1.12", **DOWN)
        stand_in.change("web", "10.0.1.12", health={"since": "2026-03-01T11:59:58Z"})
        web = stand_in.status["services"][0]
        with stand_in.lock:
            web.update(digest="c0b1f2a977d34e05", slots_by_state={"settled": 43691, "learning": 14000, "tracking": 7846})
            for backend in web["backends"]:
                if backend["state"] == "up":
                    backend.update(slots=32768, share=0.5)
        time.sleep(20)
        for name, route in VIEWS.items():
            browser.run("location.hash = arguments[0]", route)
            for width in (1400, 400):
                for dark in (False, True):
                    browser.size(width)
                    browser.dark(dark)
                    time.sleep(3)
                    path = folder / f"{name}-{width}-{'dark' if dark else 'light'}.png"
                    browser.screenshot(path)
                    if shutil.which("pngquant"):
                        subprocess.run(["pngquant", "--force", "--ext", ".png", "--strip", "64", path], check=True)
    finally:
        browser.close()
        stand_in.close()


if __name__ == "__main__":
    main()
