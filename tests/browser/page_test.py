#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The status page in a headless Chromium, against a stand-in for the agent: what the reader sees, does and hears.

    tests/browser/page_test.py              all
    tests/browser/page_test.py search       those whose name has that in it
    AXE=axe.min.js tests/browser/page_test.py accessible     with axe-core; ./scripts/test-page gets it
"""
import os
import sys
import time

from browser import Browser, Failed, need
from stand_in import StandIn, backend, large_fleet, service, small_fleet

ENTER, ESCAPE, TAB = "\ue007", "\ue00c", "\ue004"
DOWN = {
    "state": "down",
    "slots": 0,
    "share": 0.0,
    "health": {"state": "down", "reason": "connection refused", "diagnosis": "application_down", "serves": False},
}


def expect(what, condition):
    if not condition:
        raise Failed(what)


def equal(what, wanted, found):
    expect(f"{what}: wanted {wanted!r}, found {found!r}", wanted == found)


class Reader:
    """A browser with the page open, and whom it asks."""

    def __init__(self, browser, stand_in):
        self.browser, self.stand_in = browser, stand_in

    def open(self, route=""):
        self.browser.open("about:blank")
        self.browser.open(self.stand_in.address + route)

    def quiet(self):
        equal("the console", [], self.browser.complaints())


def opens(reader):
    """The page opens, says that it is well, and nothing is on the console."""
    reader.open()
    b = reader.browser
    b.wait_text("Forwarding", "h1")
    b.wait_text("33.3 % each", "main")
    equal("the title", "lb1 – Guideway", b.run("return document.title"))
    for text in ("web", "api", "dns", "eth0 attached", "established", "a41c07d95e2f8b63", "2 VIPs, 2 announced"):
        expect(f"“{text}” is there", text in b.text("main"))
    b.wait_text("/s", "main .figures")
    b.wait("sparklines", lambda: b.run("return document.querySelectorAll('.spark .line[d^=M]').length > 3"))
    reader.quiet()


def clicks(reader):
    """Links lead to views, the back button back, and the heading has the focus."""
    reader.open()
    b = reader.browser
    b.wait_text("Forwarding", "h1")
    b.click_link("web")
    b.wait_text("web-2", "main")
    equal("the address", "#/service/web", b.run("return location.hash"))
    equal("the focus", "web", b.run("return document.activeElement.innerText"))
    equal("the title", "web on lb1 – Guideway", b.run("return document.title"))
    b.wait_text("Each point is a slot", "main")
    b.click_link("web-2")
    b.wait_text("02:00:0a:00:00:65", "main")
    equal("the address", "#/service/web/10.0.1.12", b.run("return location.hash"))
    equal("its row", "true", b.run("return document.activeElement.getAttribute('aria-expanded')"))
    b.run("history.back(); history.back()")
    b.wait_text("Forwarding", "h1")
    for view in ("Services", "Verdicts", "Routes", "Changes", "Overview"):
        b.click_link(view)
        b.wait("the view to be marked", lambda: b.text("nav [aria-current=page]") == view)
    reader.quiet()


def deep_links(reader):
    """An address that somebody sent leads to the same place; one of nothing says so."""
    b = reader.browser
    reader.open("#/service/api/10.0.2.13")
    b.wait_text("api-3", "tr.open")
    b.wait_text("weight 100", "tr.details")
    reader.open("#/services?q=dns")
    b.wait_text("1 service and 2 backends found", "main")
    equal("what is searched", "dns", b.run("return document.getElementById('search').value"))
    reader.open("#/service/nobody")
    b.wait_text("There is no such service", "main")
    reader.open("#/nowhere/%zz")
    b.wait_text("No such view", "h1")
    reader.open("#/routes")
    b.wait_text("2001:db8:1::10", "main")
    reader.quiet()


def search(reader):
    """What is typed is searched in names, addresses and listeners, by keyboard alone."""
    reader.open()
    b = reader.browser
    b.wait_text("Forwarding", "h1")
    b.press("/")
    b.press(*"10.0.2.12")
    b.wait_text("0 services and 1 backend found", "main")
    equal("the address", "#/services?q=10.0.2.12", b.run("return location.hash"))
    b.click_link("api-2")
    b.wait_text("api-2", "tr.open")
    reader.open("#/services?q=192.0.2.11")
    b.wait_text("1 service", "main .lead")
    reader.open("#/services?q=%3Cnobody%3E")
    b.wait_text("Nothing is called so", "main")
    reader.quiet()


def live(reader):
    """A backend that goes down is seen, said, and listed as a change; and so is its return."""
    reader.open("#/service/web")
    b = reader.browser
    b.wait_text("web-2", "main")
    reader.stand_in.change("web", "10.0.1.12", **DOWN)
    b.wait_text("Down", "tbody tr")
    b.wait_text("connection refused; application down", "tbody tr")
    b.wait_text("web-2 is down (connection refused; application down)", ".changes")
    b.wait("it to be said", lambda: "web-2 is down" in b.run("return document.getElementById('said').textContent"))
    b.click_link("Overview")
    b.wait_text("1 backend of 3 without new flows", ".concerns")
    b.wait_text("with reservations", "h1")
    up = {"state": "up", "slots": 21846, "share": 1 / 3, "health": {"state": "up", "reason": None, "diagnosis": "none"}}
    reader.stand_in.change("web", "10.0.1.12", **up)
    b.wait_text("web-2 is up", ".changes")
    b.wait_text("Every service is served", "main")
    reader.quiet()


def moving(reader):
    """Slots that move are counted, drawn, and reported when they are done."""
    web = reader.stand_in.status["services"][0]
    reader.open("#/service/web")
    b = reader.browser
    b.wait_text("All 65,537 slots are settled", "main")
    with reader.stand_in.lock:
        web["slots_by_state"] = {"settled": 43691, "learning": 14000, "tracking": 7846}
    b.wait_text("21,846 of 65,537 slots are moving", "main")
    b.wait_text("21,846 moving", ".owners")
    with reader.stand_in.lock:
        web["slots_by_state"] = {"settled": 65537, "learning": 0, "tracking": 0}
    b.wait_text("all slots are settled", ".changes")
    reader.quiet()


def away(reader):
    """An agent that is away: the last picture stays, and is marked; when it is back, so is the page."""
    reader.open()
    b = reader.browser
    b.wait_text("Live", ".freshness")
    reader.stand_in.refusal = "the loop stands still for 3.2 s"
    b.wait_text("Stale: the loop stands still for 3.2 s", ".freshness")
    expect("the picture stays", "web" in b.text("main") and b.run("return document.querySelector('main.stale') !== null"))
    asked = len(reader.stand_in.statuses_asked())
    time.sleep(5)
    expect("it is asked ever less", len(reader.stand_in.statuses_asked()) - asked <= 2)
    reader.stand_in.refusal = None
    b.wait_text("Live", ".freshness")
    expect("not marked", b.run("return document.querySelector('main.stale') === null"))
    b.complaints()  # the browser itself reports the 503


def slow(reader):
    """A status that takes long is waited for, by one request at a time, and the reader is told."""
    reader.open()
    b = reader.browser
    b.wait_text("Live", ".freshness")
    reader.stand_in.delay = 10
    b.wait_text("Waiting for an answer", ".freshness")
    asked = len(reader.stand_in.statuses_asked())
    expect("the page can be used meanwhile", "web" in b.text("main"))
    b.click_link("dns")
    b.wait_text("dns-1", "main")
    b.click_link("Overview")
    time.sleep(2)
    equal("requests meanwhile", asked, len(reader.stand_in.statuses_asked()))
    reader.stand_in.delay = 0
    b.wait_text("Live", ".freshness")
    reader.quiet()


def hidden(reader):
    """A tab that nobody sees asks for nothing, and catches up when it is looked at."""
    reader.open()
    b = reader.browser
    b.wait_text("Live", ".freshness")
    hide = "Object.defineProperty(document, 'hidden', {configurable: true, get: () => arguments[0]});"
    dispatch = "document.dispatchEvent(new Event('visibilitychange'))"
    b.run(hide.replace("arguments[0]", "true") + dispatch)
    time.sleep(1)  # what was under way
    asked = len(reader.stand_in.statuses_asked())
    time.sleep(5)
    equal("requests while hidden", asked, len(reader.stand_in.statuses_asked()))
    reader.stand_in.change("web", "10.0.1.12", **DOWN)
    b.run(hide.replace("arguments[0]", "false") + dispatch)
    b.wait_text("web-2 is down", ".changes")
    reader.quiet()


def one_request_a_tick(reader):
    """Two seconds apart at least, and nothing else."""
    reader.open()
    b = reader.browser
    b.wait_text("33.3 % each", "main")
    asked = len(reader.stand_in.asked)
    time.sleep(10)
    expect("at most five requests in ten seconds", len(reader.stand_in.asked) - asked <= 5)
    expect("and four at least", len(reader.stand_in.asked) - asked >= 3)


def markup_in_names(reader):
    """What names and reasons hold is text, whatever it is."""
    nasty = "<img src=x onerror=alert(1)><script>alert(2)</script>"
    status = reader.stand_in.status
    with reader.stand_in.lock:
        status["services"] = [service(nasty, [backend(1, "10.0.0.1", nasty), backend(2, '"><svg onload=alert(3)>')])]
        status["services"][0]["fault"] = nasty
        status["agent"]["degraded"] = [nasty]
        status["agent"]["host"] = nasty
        status["bgp"]["vips"][0].update(announced=False, reason=nasty)
        status["verdicts"][nasty] = {"packets": 1, "bytes": 1, "action": "drop"}
    b = reader.browser
    for route in ("", "#/services", "#/service/" + nasty.replace("<", "%3C").replace(">", "%3E").replace("/", "%2F"), "#/verdicts", "#/routes"):
        reader.open(route)
        b.wait_text(nasty, "#page")
        equal("images and scripts from data", 0, b.run("return document.querySelectorAll('#page img:not([alt=\"\"]), #page script, main svg[onload]').length"))
    with reader.stand_in.lock:
        status["agent"]["degraded"] = [nasty + "2"]
    reader.open("#/services?q=" + "%3Cimg")
    b.wait_text("found for “<img”", "main")
    reader.quiet()


def events(reader):
    """What the balancer took down before the page was opened, and what happens while somebody looks."""
    reader.open("#/changes")
    b = reader.browser
    b.wait_text("web <b>web-2</b> (10.0.1.12) is down, after 8 s: connect: refused", "main")
    b.wait_text("web moves 21,846 slots", "main")
    b.wait_text("web 10.0.1.13 is drained, by uid 0", "main")
    reader.quiet()


def busy(b):
    """Seconds that the page's main thread has worked."""
    return next(m["value"] for m in b.devtools("Performance.getMetrics")["metrics"] if m["name"] == "TaskDuration")


def large(reader):
    """1,000 services of 100 backends: only what is open is asked for and rendered, and the page stays fluid."""
    b = reader.browser
    began = time.monotonic()
    reader.open()
    b.wait_text("All 1,000 services", "main")
    shown = time.monotonic() - began
    b.click_link("All 1,000 services")
    b.wait_text("50 of 1,000 services", "main")
    expect("few elements", b.run("return document.querySelectorAll('*').length") < 3000)
    # Frames while it is polled and typed into. Gaps between them also show what else the machine does; the thread's own
    # time does not.
    b.devtools("Performance.enable", timeDomain="threadTicks")
    before, polls = busy(b), len(reader.stand_in.statuses_asked())
    b.run(
        """window.gaps = [];
        let last = performance.now();
        (function frame(now) { gaps.push(now - last); last = now; requestAnimationFrame(frame); })(last);"""
    )
    for key in "service-09":
        b.press("/") if b.run("return document.activeElement.id") != "search" else None
        b.press(key)
    b.wait_text("100 services", "main")
    b.click_link("service-0900")
    b.wait_text("50 of 100 backends", "main")
    b.wait_text("Each point is a slot", "main")
    expect("one service's backends only", not any(path == "/status.json" for path in reader.stand_in.asked))
    reader.stand_in.change("service-0900", "10.3.150.7", **DOWN)
    b.wait_text("s900-b7 is down", ".changes")
    reader.stand_in.change("service-0500", "10.2.0.7", **DOWN)
    b.click_link("Overview")
    b.wait_text("service-0500: 99 of 100 backends serve", ".changes")
    gaps = sorted(b.run("return gaps.slice(1)"))
    polls = len(reader.stand_in.statuses_asked()) - polls
    cost = (busy(b) - before) * 1000 / (polls + len("service-09") + 3)
    print(
        f"    1,000 x 100: {shown:.1f} s to the first picture; {len(gaps)} frames, half of them within "
        f"{gaps[len(gaps) // 2]:.0f} ms, 99 % within {gaps[len(gaps) * 99 // 100]:.0f} ms; "
        f"{cost:.0f} ms of the main thread for each of {polls} answers, ten keys and three clicks"
    )
    expect("100 ms of the main thread at most", cost <= 100)
    reader.open("#/services?q=s900-b7")
    b.wait_text("Search all backends", "main")
    b.click(".note button")
    b.wait_text("11 backends found", "main")  # b7, and b70 to b79
    reader.quiet()


def accessible(reader):
    """axe-core finds nothing, in any view, light and dark, wide and narrow; without it only the landmarks are looked at."""
    b = reader.browser
    axe = os.environ.get("AXE")
    source = open(axe, encoding="utf-8").read() if axe else None
    if axe is None:
        print("    without axe-core: ./scripts/test-page has it")
    reader.stand_in.change("web", "10.0.1.12", **DOWN)
    with reader.stand_in.lock:
        reader.stand_in.status["services"][0]["slots_by_state"] = {"settled": 43691, "learning": 14000, "tracking": 7846}
        reader.stand_in.status["agent"]["last_reload"] = {"at": "2026-03-01T11:00:00Z", "ok": False, "errors": ["f.yaml:3:1: typo"]}
    for width, dark in ((1400, False), (1400, True), (400, False), (400, True)):
        b.size(width)
        b.dark(dark)
        reader.open()
        for route in ("#/", "#/services", "#/services?q=web", "#/service/web/10.0.1.12", "#/verdicts", "#/routes", "#/changes"):
            b.run("location.hash = arguments[0]", route)
            b.wait_text("Live", ".freshness")
            b.wait("what is open", lambda: "Asking" not in b.text("main") and "Reading" not in b.text("main"))
            landmarks = b.run("return ['header', 'nav', 'search', 'main', 'footer', 'h1'].filter((tag) => !document.querySelector(tag))")
            equal(f"landmarks that {route} has not", [], landmarks)
            wide = b.run("return document.documentElement.scrollWidth - innerWidth")
            expect(f"{route} at {width}: no wider than the screen, but by {wide}", wide <= 0)
            if source:
                b.run(source + "; window.axe = axe;")
                wrong = b.run_async(
                    "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(({violations}) =>"
                    " done(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).slice(0, 3).join('; ')}`)))"
                )
                equal(f"axe on {route} at {width}{', dark' if dark else ''}", [], wrong)
    b.size(1400)
    b.dark(False)


def keyboard(reader):
    """The first Tab leads to what skips the navigation; every link shows its focus."""
    reader.open()
    b = reader.browser
    b.wait_text("Live", ".freshness")
    b.press(TAB)
    equal("the first stop", "Skip to content", b.run("return document.activeElement.innerText"))
    b.press(ENTER)
    b.wait("the content to have it", lambda: b.run("return document.activeElement.id") == "main")
    b.press(TAB)
    outline = b.run("const s = getComputedStyle(document.activeElement); return [s.outlineStyle, s.outlineWidth]")
    equal("its outline", ["solid", "2px"], outline)


TESTS = [
    (opens, small_fleet),
    (clicks, small_fleet),
    (deep_links, small_fleet),
    (search, small_fleet),
    (live, small_fleet),
    (moving, small_fleet),
    (away, small_fleet),
    (slow, small_fleet),
    (hidden, small_fleet),
    (one_request_a_tick, small_fleet),
    (markup_in_names, small_fleet),
    (events, small_fleet),
    (keyboard, small_fleet),
    (accessible, small_fleet),
    (large, large_fleet),
]


def run(test, fleet, browser):
    stand_in = StandIn(fleet())
    stand_in.carries = 12000
    try:
        browser.complaints()
        test(Reader(browser, stand_in))
        print(f"ok: {test.__doc__}")
        return True
    except Failed as failure:
        print(f"FAILED: {test.__doc__}\n    {failure}")
        return False
    finally:
        browser.open("about:blank")
        stand_in.close()


def main():
    need("chromium", "chromedriver")
    wanted = sys.argv[1:]
    browser = Browser()
    try:
        browser.size(1400)
        chosen = [(test, fleet) for test, fleet in TESTS if not wanted or any(word in test.__name__ for word in wanted)]
        results = [run(test, fleet, browser) for test, fleet in chosen]
    finally:
        browser.close()
    sys.exit(0 if all(results) and results else 1)


if __name__ == "__main__":
    main()
