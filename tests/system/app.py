#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The application on a backend of the lab: HTTP and UDP echo on each of the given addresses.

    GET /               this backend's name; so does /ready
    GET /blob/N[?SEED]  N bytes, the same for everyone, and their X-Sha256
    PUT /upload         the SHA-256 of what was sent
    UDP                 the datagram, after this backend's name and a colon

Addresses need not be up yet.
"""
import argparse
import functools
import hashlib
import random
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler

IPV6_FREEBIND = 78  # linux/in6.h; the socket module lacks both
IP_FREEBIND = 15


@functools.lru_cache(maxsize=4)
def blob(size, seed):
    data = random.Random(seed).randbytes(size)
    return data, hashlib.sha256(data).hexdigest()


class Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # for Expect: 100-continue

    def do_GET(self):
        path, _, seed = self.path.partition("?")
        if path in ("/", "/ready"):
            self.reply(200, self.server.name.encode() + b"\n")
        elif path.startswith("/blob/") and path[6:].isdecimal():
            data, digest = blob(int(path[6:]), seed)
            self.reply(200, data, {"X-Sha256": digest})
        else:
            self.reply(404, b"no such page\n")

    def do_PUT(self):
        digest = hashlib.sha256()
        left = int(self.headers["Content-Length"])
        while left:
            data = self.rfile.read(min(left, 65536))
            if not data:
                return
            digest.update(data)
            left -= len(data)
        self.reply(200, digest.hexdigest().encode() + b"\n")

    def reply(self, status, body, headers=None):
        self.send_response(status)
        for name, value in {"X-Backend": self.server.name, **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class AnyAddress:
    """Binds to an address of either family, whether this host has it yet or not."""

    def __init__(self, address, port, handler, name):
        self.name = name
        self.address_family = socket.AF_INET6 if ":" in address else socket.AF_INET
        super().__init__((address, port), handler)

    def server_bind(self):
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_FREEBIND, 1)
        else:
            self.socket.setsockopt(socket.IPPROTO_IP, IP_FREEBIND, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)


class HttpServer(AnyAddress, socketserver.ThreadingTCPServer):
    request_queue_size = 512
    daemon_threads = True

    def handle_error(self, request, client_address):
        print(f"connection from {client_address[0]} broke")


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        data, sock = self.request
        sock.sendto(self.server.name.encode() + b":" + data, self.client_address)


class EchoServer(AnyAddress, socketserver.UDPServer):
    pass


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("name")
    options.add_argument("addresses", nargs="+", metavar="ADDRESS")
    options.add_argument("--http-port", type=int, default=80)
    options.add_argument("--echo-port", type=int, default=7)
    options = options.parse_args()

    servers = []
    for address in options.addresses:
        servers.append(HttpServer(address, options.http_port, Http, options.name))
        servers.append(EchoServer(address, options.echo_port, Echo, options.name))
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in servers]
    for thread in threads:
        thread.start()
    print(f"{options.name} serves {' '.join(options.addresses)}", flush=True)
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
