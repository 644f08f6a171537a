#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""A server that has more to say than a probe wants to hear, on any address, and prints what goes wrong.

    PORT      TCP: a greeting, another 20 ms later, then what is asked of it until the client ends
    PORT + 1  TCP: an HTTP answer and, 20 ms after it, some more; then it closes
    PORT + 2  UDP: an answer, and another 300 ms later
    PORT + 3  TCP: speaks on for a while whatever the client does, and expects no thanks: its errors are not printed
"""
import argparse
import asyncio


async def greet(reader, writer):
    writer.write(b"220 here\r\n")
    await asyncio.sleep(0.02)
    writer.write(b"220 still here\r\n")
    await writer.drain()
    while await reader.read(4096):
        pass


async def answer(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 20000\r\nConnection: close\r\n\r\n" + bytes(10000))
    await writer.drain()
    await asyncio.sleep(0.02)
    writer.write(bytes(10000))
    await writer.drain()


async def speak_on(_, writer):
    for _ in range(20):
        if writer.is_closing():  # there is no socket any more
            return
        writer.write(b"and another thing\r\n")
        await asyncio.sleep(0.02)


class Echo(asyncio.DatagramProtocol):
    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, address):
        self.transport.sendto(data, address)
        asyncio.get_running_loop().call_later(0.3, self.transport.sendto, data, address)

    def error_received(self, error):
        print(f"udp: {error!r}", flush=True)


def printing(name, talk):
    async def serve(reader, writer):
        try:
            await talk(reader, writer)
        except Exception as error:  # pylint: disable=broad-exception-caught
            if name:
                print(f"{name}: {error!r}", flush=True)
        finally:
            writer.close()
            try:
                await writer.wait_closed()
            except Exception as error:  # pylint: disable=broad-exception-caught
                if name:
                    print(f"{name}, closing: {error!r}", flush=True)

    return serve


async def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("port", type=int)
    options.add_argument("addresses", nargs="+", metavar="ADDRESS")
    options = options.parse_args()
    for offset, (name, talk) in {0: ("greets", greet), 1: ("answers", answer), 3: ("", speak_on)}.items():
        await asyncio.start_server(printing(name, talk), None, options.port + offset, backlog=512)
    for address in options.addresses:
        await asyncio.get_running_loop().create_datagram_endpoint(Echo, local_addr=(address, options.port + 2))
    print("talks", flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
