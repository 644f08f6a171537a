#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Clients that take up a server's connections: each opens as many as it may, and opens them anew when they are closed.

    silent   says nothing            trickles   sends a request byte by byte            reads slowly   asks for a long
    answer and takes a byte of it each second

It runs until it is killed, and prints a line when all connections were open once.
"""
import argparse
import asyncio
import socket

REQUEST = b"GET %s HTTP/1.1\r\nHost: guideway\r\n\r\n"


async def silent(_, writer, __):
    await asyncio.sleep(3600)
    writer.close()


async def trickles(reader, writer, path):
    for byte in REQUEST % path:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.5)
    await reader.read()


async def reads_slowly(reader, writer, path):
    writer.write(REQUEST % path)
    await writer.drain()
    while await reader.read(1):
        await asyncio.sleep(1)


BEHAVIOURS = {"silent": silent, "trickles": trickles, "reads slowly": reads_slowly}


async def connect(where):
    limit = 1  # of what is read ahead
    if where.startswith("/"):
        return await asyncio.open_unix_connection(where, limit=limit)
    host, port = where.rsplit(":", 1)
    small = socket.socket(socket.AF_INET)
    small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    small.setblocking(False)
    await asyncio.get_running_loop().sock_connect(small, (host, int(port)))
    return await asyncio.open_connection(sock=small, limit=limit)


async def loiter(options, opened):
    while True:
        try:
            reader, writer = await connect(options.where)
            opened.release()
            await BEHAVIOURS[options.behaviour](reader, writer, options.path.encode())
        except OSError:
            pass
        await asyncio.sleep(0.5)


async def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("behaviour", choices=BEHAVIOURS)
    options.add_argument("where", help="ADDRESS:PORT, or the path of a socket")
    options.add_argument("--count", type=int, default=200)
    options.add_argument("--path", default="/status.json")
    options = options.parse_args()
    opened = asyncio.Semaphore(0)
    tasks = [asyncio.create_task(loiter(options, opened)) for _ in range(options.count)]
    for _ in range(options.count):
        await opened.acquire()
    print(f"{options.count} connections were opened", flush=True)
    await asyncio.gather(*tasks)


asyncio.run(main())
