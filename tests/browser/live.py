#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Looks at an agent's own page, and says what it sees: an argument is what is to be there, in that order.

    live.py http://10.0.0.11:9660/ 'main=3 of 3' '.changes=be1 is down'
"""
import sys

from browser import Browser, Failed, need


def main():
    need("chromium", "chromedriver")
    address, *wanted = sys.argv[1:]
    browser = Browser(patience=60)
    try:
        browser.size(1400)
        browser.open(address)
        for each in wanted:
            place, text = each.split("=", 1)
            browser.wait_text(text, place)
            print(f"seen: {text}", flush=True)
        complaints = browser.complaints()
        print(f"console: {complaints or 'nothing'}", flush=True)
    except Failed as failure:
        print(f"FAILED: {failure}", flush=True)
        sys.exit(1)
    finally:
        browser.close()


if __name__ == "__main__":
    main()
