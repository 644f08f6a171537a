#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes captures of mixed frames into DIRECTORY, and what `guideway replay` has to make of them.

    mixed.pcap, mixed.pcapng   the same frames
    verdicts                   a line each, in their order
    short.pcap, short.pcapng   a few small frames, to be cut off anywhere
    FILE.cuts                  lines of `LENGTH FRAMES`: that much of FILE holds so many whole frames
"""
import ipaddress
import struct
import sys

CLIENT4, VIP4, OTHER4 = "198.51.100.7", "192.0.2.10", "192.0.2.99"
CLIENT6, VIP6, OTHER6 = "2001:db8:9::7", "2001:db8:1::10", "2001:db8:1::99"
TCP, UDP, ICMP, ICMP6, SCTP = 6, 17, 1, 58, 132


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(kind, payload):
    return bytes.fromhex("020000000002 020000000009") + struct.pack("!H", kind) + payload


def ipv4(destination, protocol, payload, *, version=4, options=b"", fragment=0x4000, total=None, tos=0, ident=0x1234,
         source=CLIENT4, ttl=64):
    header_length = 20 + len(options)
    total = header_length + len(payload) if total is None else total
    first = version << 4 | header_length // 4

    def header(check):
        return (struct.pack("!BBHHHBBH", first, tos, total, ident, fragment, ttl, protocol, check)
                + ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed + options)

    return ethernet(0x0800, header(checksum(header(0))) + payload)


def ipv6(destination, protocol, payload, *, version=6, length=None, source=CLIENT6, ttl=64):
    length = len(payload) if length is None else length
    return ethernet(0x86DD, struct.pack("!IHBB", version << 28 | 0x12345, length, protocol, ttl)
                    + ipaddress.ip_address(source).packed + ipaddress.ip_address(destination).packed + payload)


def transport_checksum(source, destination, protocol, segment):
    source, destination = ipaddress.ip_address(source).packed, ipaddress.ip_address(destination).packed
    return checksum(source + destination + struct.pack("!II", len(segment), protocol) + segment)


def tcp(ends, port, data=b"", flags=0x02):
    segment = struct.pack("!HHIIBBHHH", 40001, port, 1, 0, 5 << 4, flags, 65535, 0, 0) + data
    check = transport_checksum(*ends, TCP, segment)
    return segment[:16] + struct.pack("!H", check) + segment[18:]


def udp(ends, port, data=b"hello"):
    segment = struct.pack("!HHHH", 40002, port, 8 + len(data), 0) + data
    return segment[:6] + struct.pack("!H", transport_checksum(*ends, UDP, segment)) + data


def echo4(data=b"ping"):
    message = struct.pack("!BBHHH", 8, 0, 0, 7, 1) + data
    return message[:2] + struct.pack("!H", checksum(message)) + message[4:]


def echo6(ends, data=b"ping"):
    message = struct.pack("!BBHHH", 128, 0, 0, 7, 1) + data
    return message[:2] + struct.pack("!H", transport_checksum(*ends, ICMP6, message)) + message[4:]


V4, V6 = (CLIENT4, VIP4), (CLIENT6, VIP6)
ARP = ethernet(0x0806, bytes.fromhex("0001080006040001 020000000009 c6336407 000000000000 c000020a"))
HOP_BY_HOP = bytes([TCP, 0, 1, 4, 0, 0, 0, 0])
ROUTING_HEADER = bytes([TCP, 2, 0, 1, 0, 0, 0, 0]) + ipaddress.ip_address(OTHER6).packed
SOLICITATION = struct.pack("!BBHI", 135, 0, 0, 0) + ipaddress.ip_address(VIP6).packed
FRAGMENT_HEADER = bytes([UDP, 0]) + struct.pack("!HI", 1, 77)

MIXED = [
    # (verdict, frame)
    ("forwarded", ipv4(VIP4, TCP, tcp(V4, 80))),
    ("forwarded", ipv4(VIP4, UDP, udp(V4, 53))),
    ("forwarded", ipv6(VIP6, TCP, tcp(V6, 80))),
    ("forwarded", ipv6(VIP6, UDP, udp(V6, 53))),
    ("not_vip", ipv4(OTHER4, TCP, tcp((CLIENT4, OTHER4), 80))),
    ("not_vip", ipv6(OTHER6, UDP, udp((CLIENT6, OTHER6), 53))),
    ("not_ip", ARP),
    ("too_short", ARP[:10]),
    ("too_short", ARP[:13]),
    ("not_ip", ethernet(0x88CC, b"lldp" * 10)),
    ("no_listener", ipv4(VIP4, TCP, tcp(V4, 81))),
    ("no_listener", ipv6(VIP6, UDP, udp(V6, 54))),
    ("forwarded", ipv4(VIP4, TCP, tcp(V4, 80), options=b"\x94\x04\0\0")),
    ("forwarded", ipv4(VIP4, UDP, udp(V4, 53, b"")) + bytes(18)),
    ("forwarded", ipv6(VIP6, 0, HOP_BY_HOP + tcp(V6, 80))),
    ("forwarded", ipv4(VIP4, TCP, tcp(V4, 80, bytes(1400), flags=0x10), tos=0xB9)),
    ("forwarded", ipv4(VIP4, TCP, tcp(V4, 80, bytes(8900), flags=0x18))),
    ("forwarded", ipv6(VIP6, TCP, tcp(V6, 80, bytes(8900), flags=0x18))),
    ("bad_version", ipv4(VIP4, TCP, tcp(V4, 80), version=5)),
    ("bad_version", ipv6(VIP6, TCP, tcp(V6, 80), version=4)),
    ("bad_total_length", ipv4(VIP4, TCP, tcp(V4, 80), total=2000)),
    ("bad_total_length", ipv4(VIP4, TCP, tcp(V4, 80), total=10)),
    ("bad_total_length", ipv6(VIP6, TCP, tcp(V6, 80), length=2000)),
    ("bad_transport_header", ipv4(VIP4, TCP, tcp(V4, 80)[:12])),
    ("bad_transport_header", ipv6(VIP6, UDP, udp(V6, 53)[:4])),
    ("fragment", ipv4(VIP4, UDP, bytes(64), fragment=100)),
    ("forwarded", ipv4(VIP4, UDP, udp(V4, 53, bytes(792)), fragment=0x2000)),
    ("forwarded", ipv4(VIP4, UDP, bytes(64), fragment=100)),
    ("fragment", ipv4(VIP4, UDP, bytes(64), fragment=100, ident=0x4321)),
    ("forwarded", ipv6(VIP6, 44, FRAGMENT_HEADER + udp(V6, 53))),
    ("echo_answered", ipv4(VIP4, ICMP, echo4())),
    ("echo_answered", ipv6(VIP6, ICMP6, echo6(V6))),
    ("icmp", ipv4(VIP4, ICMP, b"\x0d\0\xf2\xff" + bytes(16))),
    ("unknown_protocol", ipv4(VIP4, SCTP, bytes(32))),
    ("not_vip", ipv4(OTHER4, TCP, tcp((CLIENT4, OTHER4), 80), version=5)),
    ("impossible_source", ipv4(VIP4, TCP, tcp(V4, 80), source="0.0.0.0")),
    ("impossible_source", ipv4(VIP4, TCP, tcp(V4, 80), source=VIP4)),
    ("impossible_source", ipv6(VIP6, TCP, tcp(V6, 80), source="::")),
    ("impossible_source", ipv6(VIP6, TCP, tcp(V6, 80), source="::ffff:198.51.100.7")),
    ("ttl_zero", ipv4(VIP4, TCP, tcp(V4, 80), ttl=0)),
    ("ttl_zero", ipv6(VIP6, TCP, tcp(V6, 80), ttl=0)),
    ("source_routed", ipv4(VIP4, TCP, tcp(V4, 80), options=b"\x83\x07\x04\x0a\0\0\1\0")),
    ("source_routed", ipv6(VIP6, 43, ROUTING_HEADER + tcp(V6, 80))),
    ("bad_options", ipv4(VIP4, TCP, tcp(V4, 80), options=b"\x94\x09\0\0")),
    ("bad_transport_header", ipv4(VIP4, TCP, tcp(V4, 80)[:12] + bytes(8))),
    ("other_host", b"\xff" * 6 + ipv4(VIP4, TCP, tcp(V4, 80))[6:]),
    ("other_host", b"\x33" * 6 + ipv6(VIP6, ICMP6, echo6(V6))[6:]),
    ("link_control", ipv6(VIP6, ICMP6, SOLICITATION, source="fe80::1", ttl=255)),
    ("forwarded", ipv4(VIP4, TCP, tcp(V4, 443))),
]
SHORT = [MIXED[i] for i in (0, 6, 7, 3)]


def pcap(frames):
    """The file, and its length after each frame."""
    data = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1)
    ends = [len(data)]
    for number, (_, frame) in enumerate(frames):
        data += struct.pack("<IIII", 1700000000 + number, 0, len(frame), len(frame)) + frame
        ends.append(len(data))
    return data, ends


def block(kind, body):
    body += b"\0" * (-len(body) % 4)
    length = 12 + len(body)
    return struct.pack(">II", kind, length) + body + struct.pack(">I", length)


def pcapng(frames):
    """Big-endian, and with blocks of a kind that nobody knows in between."""
    data = block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1))
    data += block(1, struct.pack(">HHI", 1, 0, 262144) + struct.pack(">HHB3x", 9, 1, 9) + struct.pack(">HH", 0, 0))
    ends = [len(data)]
    for number, (_, frame) in enumerate(frames):
        if number % 3 == 1:
            data += block(0x0BAD, b"unknown")
        time = (1700000000 + number) * 10**9
        data += block(6, struct.pack(">IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(frame), len(frame)) + frame)
        ends.append(len(data))
    return data, ends


def cuts(data, ends):
    for length in range(len(data) + 1):
        yield length, sum(end <= length for end in ends[1:])


def main():
    directory = sys.argv[1]
    for write in (pcap, pcapng):
        with open(f"{directory}/mixed.{write.__name__}", "wb") as file:
            file.write(write(MIXED)[0])
        data, ends = write(SHORT)
        with open(f"{directory}/short.{write.__name__}", "wb") as file:
            file.write(data)
        with open(f"{directory}/short.{write.__name__}.cuts", "w", encoding="ascii") as file:
            file.writelines(f"{length} {frames}\n" for length, frames in cuts(data, ends))
    with open(f"{directory}/verdicts", "w", encoding="ascii") as file:
        file.writelines(f"{verdict}\n" for verdict, _ in MIXED)


if __name__ == "__main__":
    main()
