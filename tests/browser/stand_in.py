# SPDX-License-Identifier: Apache-2.0
"""Stands in for a balancer's http: the page's files as the agent serves them, and statuses of fleets that nobody has."""
import contextlib
import json
import math
import random
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "userspace/api/page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
# As http_server.cpp has it.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
VERDICTS = {
    "not_vip": "pass",
    "forwarded": "tx",
    "redirected": "redirect",
    "echo_answered": "tx",
    "no_listener": "drop",
    "no_backend": "drop",
    "no_next_hop": "drop",
    "bad_checksum": "drop",
    "ttl_zero": "drop",
}


def backend(number, address, name=None, share=1.0, size=65537):
    return {
        "address": address,
        "name": name,
        "number": number,
        "weight": 100,
        "state": "up",
        "alive": True,
        "by_hand": False,
        "availability": 1.0,
        "slots": round(share * size),
        "share": share,
        "flows": 0,
        "learning_slots": 0,
        "next_hop": {"interface": "eth0", "mac": "02:00:0a:00:00:65", "source": "10.0.0.11"},
        "trouble": None,
        "health": {
            "state": "up",
            "serves": True,
            "judged": True,
            "untried": False,
            "diagnosis": "none",
            "reason": None,
            "since": "2026-03-01T08:00:00Z",
            "held_until": None,
            "probed_at": "2026-03-01T12:00:00Z",
            "latency_seconds": 0.0011,
            "probes": 14400,
            "failures": 2,
        },
        "packets": 0,
        "bytes": 0,
        "new_flows": 0,
    }


def service(name, backends, listeners=("192.0.2.10:80/tcp",), size=65537):
    return {
        "name": name,
        "number": 1,
        "affinity": "flow",
        "table_size": size,
        "listeners": list(listeners),
        "base_digest": "3f0e5a7c91d2e648",
        "digest": "3f0e5a7c91d2e648",
        "slots_by_state": {"settled": size, "learning": 0, "tracking": 0},
        "flow_lookups": 0,
        "refused_records": 0,
        "health": {"warmed_up": True, "panic": False, "blind": False, "untried": 0, "up": len(backends), "backends": len(backends)},
        "backend_counts": {"configured": len(backends), "serving": len(backends), "leaving": 0},
        "packets": 0,
        "bytes": 0,
        "new_flows": 0,
        "fault": None,
        "backends": backends,
        "leaving": [],
    }


def status(services):
    return {
        "at": "2026-03-01T12:00:00Z",
        "abi_version": 5,
        "table_size": 65537,
        "agent": {
            "version": "0.1.0",
            "host": "lb1",
            "process": 4711,
            "started": "2026-02-26T09:12:44Z",
            "config_file": "/etc/guideway/guideway.yaml",
            "pins": "/sys/fs/bpf/guideway",
            "fingerprint": "a41c07d95e2f8b63",
            "reloads": 3,
            "refused_reloads": 0,
            "last_reload": {"at": "2026-03-01T10:41:07Z", "ok": True, "errors": []},
            "fault": None,
            "degraded": [],
            "renamed": {},
        },
        "interfaces": [{"name": "eth0", "attached": True}],
        "services": services,
        "bgp": {
            "presence": "present",
            "running": True,
            "restarts": 0,
            "last_error": None,
            "peers": [
                {
                    "address": address,
                    "as": 64512,
                    "state": "established",
                    "since": "2026-02-26T09:12:51Z",
                    "wanted": 2,
                    "announced": 2,
                    "last_error": None,
                }
                for address in ("10.0.0.1", "10.0.0.2")
            ],
            "vips": [
                {"vip": vip, "announced": True, "reason": None, "note": None} for vip in ("192.0.2.10", "2001:db8:1::10")
            ],
        },
        "flow_table": {"records": 0, "capacity": 262144},
        "verdicts": {name: {"packets": 0, "bytes": 0, "action": action} for name, action in VERDICTS.items()},
    }


def small_fleet():
    names = {"web": 3, "api": 4, "dns": 2}
    services = []
    for place, (name, many) in enumerate(names.items(), 1):
        hosts = [backend(i, f"10.0.{place}.{10 + i}", f"{name}-{i}", 1 / many) for i in range(1, many + 1)]
        services.append(service(name, hosts, [f"192.0.2.{9 + place}:{port}" for port in ("80/tcp", "443/tcp")]))
    return status(services)


def large_fleet(services=1000, backends=100):
    return status(
        [
            service(
                f"service-{i:04}",
                [backend(j, f"10.{i // 250}.{i % 250}.{j}", f"s{i}-b{j}", 1 / backends) for j in range(1, backends + 1)],
            )
            for i in range(services)
        ]
    )


def grow(counted, packets):
    for key, each in (("packets", 1), ("bytes", 740), ("new_flows", 1 / 40)):
        counted[key] = int(counted[key] + packets * each)


class StandIn:
    """`status` may be changed under `lock`; `delay` in seconds; `refusal` instead of a status; `asked` is what was asked for."""

    def __init__(self, status_now):
        self.status = status_now
        self.lock = threading.Lock()
        self.delay = 0
        self.refusal = None
        self.asked = []
        self.carries = 0  # packets a second
        self.counted = time.monotonic()
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                stand_in.answer(self)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self.server.server_port}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()

    def statuses_asked(self):
        return [path for path in self.asked if "status" in path]

    def change(self, service_name, address, **values):
        """A backend's values; its service's counts follow."""
        with self.lock:
            its = next(s for s in self.status["services"] if s["name"] == service_name)
            for one in its["backends"]:
                if one["address"] == address:
                    health = values.pop("health", {})
                    one.update(values)
                    one["health"].update(health)
            its["backend_counts"]["serving"] = sum(one["state"] in ("up", "slow_start") for one in its["backends"])

    # --- answers ---

    def answer(self, handler):
        path = handler.path.split("?")[0]
        self.asked.append(path)
        if path.startswith("/page/table/"):
            return self.send(handler, json.dumps(self.table(path.rsplit("/", 1)[1])).encode(), "application/json")
        if path == "/status.json" or path.startswith("/page/status"):
            time.sleep(self.delay)
            if self.refusal:
                return self.send(handler, self.refusal.encode(), "text/plain", 503)
            return self.send(handler, self.status_for(path), "application/json")
        if path == "/events":
            return self.send_events(handler)
        file = PAGE / "index.html" if path == "/" else PAGE / path.removeprefix("/page/")
        if not file.is_file():
            return self.send(handler, b"not found\n", "text/plain", 404)
        return self.send(handler, file.read_bytes(), TYPES[file.suffix])

    def send_events(self, handler):
        """Two that happened before, and one when somebody follows."""
        event = {"id": 1, "at": "2026-01-31T12:00:00.250Z", "kind": "down", "service": "web", "backend": "10.0.1.12",
                 "name": "<b>web-2</b>", "reason": "connect: refused", "lasted_ms": 7500}
        moved = {"id": 2, "at": "2026-01-31T12:00:01Z", "kind": "moved", "service": "web", "slots": 21846}
        drained = {"id": 3, "at": "2026-01-31T12:04:10Z", "kind": "drained", "service": "web", "backend": "10.0.1.13",
                   "uid": 0}
        if "text/event-stream" not in handler.headers.get("Accept", ""):
            return self.send(handler, json.dumps({"events": [event, moved]}).encode(), "application/json")
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.send_header("Connection", "close")
        handler.end_headers()
        if "since=2" in handler.path and "Last-Event-ID" not in handler.headers:
            handler.wfile.write(f"id: 3\ndata: {json.dumps(drained)}\n\n".encode())
        handler.wfile.flush()
        handler.close_connection = True

    def status_for(self, path):
        with self.lock:
            opened = path.removeprefix("/page/status").lstrip("/")
            self.count(None if path == "/status.json" else opened)
            if path == "/status.json":
                return json.dumps(self.status).encode()
            summary = {**self.status, "services": [], "opened": None}
            for one in self.status["services"]:
                summary["services"].append({k: v for k, v in one.items() if k not in ("backends", "leaving")})
                if one["name"] == opened:
                    summary["opened"] = {k: one[k] for k in ("name", "backends", "leaving")}
            return json.dumps(summary).encode()

    def count(self, opened):
        """Traffic that swings a little, spread over services, and over the backends that are asked for."""
        now = time.monotonic()
        passed, self.counted = now - self.counted, now
        services = self.status["services"]
        for place, one in enumerate(services):
            swing = 1 + 0.3 * math.sin(now / (7 + place)) + 0.1 * math.sin(now * 1.7)
            packets = int(self.carries * passed * swing / (place + 1))
            grow(one, packets)
            for each in one["backends"] if opened in (None, one["name"]) else ():
                grow(each, int(packets * each["share"]))
        total = sum(one["packets"] for one in services)
        for name, part in (("forwarded", 1), ("not_vip", 0.01), ("no_listener", 0.0004), ("bad_checksum", 0.00002)):
            self.status["verdicts"][name]["packets"] = int(total * part)

    def table(self, name):
        with self.lock:
            its = next(s for s in self.status["services"] if s["name"] == name)
            numbers = [b["number"] for b in its["backends"] if b["slots"] > 0] or [0]
            size, moving = its["table_size"], its["slots_by_state"]
        owners = random.Random(name).choices(numbers, k=size)
        many = moving["learning"] + moving["tracking"]
        return {"table_size": size, "step": 1, "owners": owners, "moving": [i * 7 % size for i in range(many)]}

    def send(self, handler, body, content_type, code=200):
        handler.send_response(code)
        handler.send_header("Content-Type", f"{content_type}; charset=utf-8")
        handler.send_header("Content-Length", str(len(body)))
        handler.send_header("Cache-Control", "no-store")
        handler.send_header("Content-Security-Policy", POLICY)
        handler.send_header("X-Content-Type-Options", "nosniff")
        handler.end_headers()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            handler.wfile.write(body)
