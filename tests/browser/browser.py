# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, by WebDriver as chromium-driver speaks it. Nothing but Python's own library."""
import base64
import json
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request

SKIPPED = 77


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            print(f"skipped: {program} is missing; ./scripts/setup --browser installs it")
            sys.exit(SKIPPED)


class Failed(Exception):
    pass


class Browser:
    def __init__(self, patience=20):
        self.patience = patience
        self.driver = subprocess.Popen(
            ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.root = f"http://127.0.0.1:{self._port()}"
        options = {
            "args": ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars"]
        }
        wanted = {"browserName": "chrome", "goog:chromeOptions": options, "goog:loggingPrefs": {"browser": "ALL"}}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self.session = f"/session/{made['sessionId']}"

    def _port(self):
        for line in self.driver.stdout:
            if "started successfully on port" in line:
                return int(line.rstrip(".\n").rsplit(" ", 1)[1])
        raise Failed("chromedriver did not start")

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.root + path, data, {"Content-Type": "application/json"}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise Failed(json.load(error)["value"]["message"].split("\n")[0]) from None

    def close(self):
        try:
            self._ask("DELETE", self.session)
        finally:
            self.driver.terminate()
            self.driver.wait()

    # --- what a reader does ---

    def open(self, address):
        self._ask("POST", f"{self.session}/url", {"url": address})

    def run(self, script, *args):
        """What a function's body returns in the page."""
        return self._ask("POST", f"{self.session}/execute/sync", {"script": script, "args": list(args)})

    def run_async(self, script, *args):
        return self._ask("POST", f"{self.session}/execute/async", {"script": script, "args": list(args)})

    def _element(self, css):
        found = self._ask("POST", f"{self.session}/element", {"using": "css selector", "value": css})
        return f"{self.session}/element/{next(iter(found.values()))}"

    def click(self, css):
        self._ask("POST", f"{self._element(css)}/click", {})

    def click_link(self, text):
        found = self._ask("POST", f"{self.session}/element", {"using": "link text", "value": text})
        self._ask("POST", f"{self.session}/element/{next(iter(found.values()))}/click", {})

    def type(self, css, text):
        self._ask("POST", f"{self._element(css)}/value", {"text": text})

    def press(self, *keys):
        """To whatever has the focus."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        self._ask("POST", f"{self.session}/actions", {"actions": [{"type": "key", "id": "keys", "actions": strokes}]})

    def devtools(self, command, **params):
        return self._ask("POST", f"{self.session}/goog/cdp/execute", {"cmd": command, "params": params})

    def size(self, width, height=900):
        self.devtools(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )

    def dark(self, dark):
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.devtools("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self, path):
        height = self.run("return document.documentElement.scrollHeight")
        width = self.run("return innerWidth")
        clip = {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}
        shot = self.devtools("Page.captureScreenshot", format="png", clip=clip, captureBeyondViewport=True)
        with open(path, "wb") as file:
            file.write(base64.b64decode(shot["data"]))

    # --- what a reader sees ---

    def text(self, css="body"):
        return self.run("return document.querySelector(arguments[0])?.innerText ?? ''", css)

    def complaints(self):
        """What is on the console, since it was asked last."""
        log = self._ask("POST", f"{self.session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in log if entry["level"] in ("SEVERE", "WARNING")]

    def wait(self, what, condition):
        until = time.monotonic() + self.patience
        while not condition():
            if time.monotonic() > until:
                raise Failed(f"{what}: not within {self.patience} s; the page says:\n{self.text()}")
            time.sleep(0.05)

    def wait_text(self, text, css="body"):
        self.wait(f"“{text}” in {css}", lambda: text in self.text(css))
