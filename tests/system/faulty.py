#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server that behaves badly: each behaviour has a port of its own, counted from 8001, on any address.

    never answers, trickles, endless, closes in header, resets, redirects, garbage, expired, wrong name, fails

and, for comparison, a good one behind TLS. Its certificate, DIRECTORY/10.pem, is for www.example.com and the VIPs. After that one
comes a port that refuses, and then two whose answers are unusual and good: interim answers before, no reason phrase. SIGUSR1: it behaves well on all of these; SIGUSR2: badly again.
"""
import argparse
import asyncio
import os
import signal
import socket
import ssl
import struct
import subprocess
from functools import partial

FIRST_PORT = 8001


async def never_answers(_, writer):
    await asyncio.sleep(3600)
    writer.close()


async def trickles(_, writer):
    for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok" * 100:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(1)


async def endless(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
    for _ in range(100):
        writer.write(bytes(1000000))
        await writer.drain()


async def closes_in_header(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")


async def resets(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def redirects(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.99/\r\nContent-Length: 0\r\n\r\n")


async def garbage(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"\x00\xff" * 20000)


async def answers(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def fails(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")


async def interim(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n")
    await writer.drain()
    await asyncio.sleep(0.05)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


async def without_reason(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok")


BEHAVIOURS = [never_answers, trickles, endless, closes_in_header, resets, redirects, garbage, answers, answers, fails, answers]
UNUSUAL = [interim, without_reason]
GOOD = 10
CERTIFICATES = {7: ("DNS:www.example.com", "2021"), 8: ("DNS:other.example.com,IP:192.0.2.99", "2051"),
                GOOD: ("DNS:www.example.com,IP:192.0.2.10,IP:2001:db8:1::10", "2051")}
AUTHORITY = """
[ca]
default_ca = own
[own]
database = {0}/index.txt
rand_serial = yes
unique_subject = no
new_certs_dir = {0}
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
"""


def certificate(directory, index):
    """A self-signed certificate, valid from 2020 to the beginning of its year; no two have the same subject."""
    names, year = CERTIFICATES[index]
    pem = f"{directory}/{index}.pem"
    for command in [
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
         "-subj", f"/CN={os.path.basename(directory)}-{index}",
         "-addext", f"subjectAltName={names}", "-keyout", pem + ".key", "-out", pem + ".csr"],
        ["ca", "-batch", "-selfsign", "-notext", "-config", f"{directory}/authority.conf", "-keyfile", pem + ".key",
         "-in", pem + ".csr", "-out", pem, "-startdate", "20200101000000Z", "-enddate", f"{year}0101000000Z"],
    ]:
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, pem + ".key")
    return context


async def closing(behave, reader, writer):
    try:
        await behave(reader, writer)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


class Port:
    """One behaviour."""

    def __init__(self, directory, index):
        self.number = FIRST_PORT + index
        self.behave = BEHAVIOURS[index]
        self.good = f"{directory}/{GOOD}.pem"
        self.own = f"{directory}/{index}.pem"
        self.tls = certificate(directory, index) if index in CERTIFICATES else None
        self.well = False

    async def open(self):
        await asyncio.start_server(self.serve, None, self.number, ssl=self.tls, backlog=512)

    async def serve(self, reader, writer):
        await closing(answers if self.well else self.behave, reader, writer)

    async def turn(self, well):
        self.well = well
        if self.tls:
            pem = self.good if well else self.own
            self.tls.load_cert_chain(pem, pem + ".key")


class RefusingPort:
    """Nobody listens, unless it behaves well."""

    def __init__(self):
        self.server = None

    async def turn(self, well):
        if well and not self.server:
            self.server = await asyncio.start_server(partial(closing, answers), None, FIRST_PORT + len(BEHAVIOURS), backlog=512)
        elif not well and self.server:
            self.server.close()
            self.server = None


async def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("directory", help="for certificates; it is made")
    options = options.parse_args()
    for index, behave in enumerate(UNUSUAL, FIRST_PORT + len(BEHAVIOURS) + 1):
        await asyncio.start_server(partial(closing, behave), None, index, backlog=512)
    os.makedirs(options.directory, exist_ok=True)
    with open(f"{options.directory}/authority.conf", "w", encoding="utf-8") as file:
        file.write(AUTHORITY.format(options.directory))
    with open(f"{options.directory}/index.txt", "w", encoding="utf-8"):
        pass
    ports = [Port(options.directory, index) for index in range(len(BEHAVIOURS))]
    for port in ports:
        await port.open()
    ports.append(RefusingPort())

    async def turn(well):
        for port in ports:
            await port.turn(well)
        print("serving well" if well else "serving badly", flush=True)

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGUSR1, lambda: loop.create_task(turn(True)))
    loop.add_signal_handler(signal.SIGUSR2, lambda: loop.create_task(turn(False)))
    await turn(False)
    await asyncio.Event().wait()


asyncio.run(main())
