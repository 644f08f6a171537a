#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server that behaves badly: each behaviour has a port of its own, counted from 8001, on any address.

    never answers, trickles, endless, closes in header, resets, redirects, garbage, expired, wrong name, fails

and, for comparison, a good one behind TLS. Its certificate, DIRECTORY/10.pem, is for www.example.com.
"""
import argparse
import asyncio
import socket
import ssl
import struct
import subprocess

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


BEHAVIOURS = [never_answers, trickles, endless, closes_in_header, resets, redirects, garbage, answers, answers, fails, answers]
CERTIFICATES = {7: ("www.example.com", "2021"), 8: ("other.example.com", "2051"), 10: ("www.example.com", "2051")}
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
    """A self-signed certificate, valid from 2020 to the beginning of its year."""
    name, year = CERTIFICATES[index]
    pem = f"{directory}/{index}.pem"
    for command in [
        ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}", "-keyout", pem + ".key", "-out", pem + ".csr"],
        ["ca", "-batch", "-selfsign", "-notext", "-config", f"{directory}/authority.conf", "-keyfile", pem + ".key",
         "-in", pem + ".csr", "-out", pem, "-startdate", "20200101000000Z", "-enddate", f"{year}0101000000Z"],
    ]:
        subprocess.run(["openssl", *command], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, pem + ".key")
    return context


def closing(behave):
    async def serve(reader, writer):
        try:
            await behave(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
    return serve


async def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("directory", help="for certificates")
    options = options.parse_args()
    with open(f"{options.directory}/authority.conf", "w", encoding="utf-8") as file:
        file.write(AUTHORITY.format(options.directory))
    with open(f"{options.directory}/index.txt", "w", encoding="utf-8"):
        pass
    servers = []
    for index, behave in enumerate(BEHAVIOURS):
        tls = certificate(options.directory, index) if index in CERTIFICATES else None
        servers.append(await asyncio.start_server(closing(behave), None, FIRST_PORT + index, ssl=tls, backlog=512))
    print("serving badly", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
