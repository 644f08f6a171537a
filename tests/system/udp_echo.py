#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Sends one datagram from each of COUNT source ports to ADDRESS and prints the answers, one a line.

A socket connected to ADDRESS takes answers from there only, so an answer proves the source address too.
Exits 1 when not every datagram was answered, by itself after a name and a colon.
"""
import argparse
import signal
import socket
import sys


def ask(address, port, source_port, options):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.settimeout(options.timeout)
        sock.bind(("", source_port))
        sock.connect((address, port))
        question = (b"hello from %d " % source_port).ljust(options.size, b".")
        try:
            sock.send(question)
            name, _, echo = sock.recv(65535).partition(b":")
        except (TimeoutError, OSError):
            return None
        return (name + b":" + echo.rstrip(b".")).decode() if echo == question else None


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("address")
    options.add_argument("count", nargs="?", type=int, default=1)
    options.add_argument("--port", type=int, default=7)
    options.add_argument("--size", type=int, default=0, help="bytes of a datagram, at least those of its text")
    options.add_argument("--first-source-port", type=int, default=30000)
    options.add_argument("--timeout", type=float, default=1.0)
    options = options.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # an interrupted demo says nothing

    answered = 0
    for number in range(options.count):
        answer = ask(options.address, options.port, options.first_source_port + number, options)
        if answer is not None:
            answered += 1
            print(answer)
    sys.exit(answered != options.count)


if __name__ == "__main__":
    main()
