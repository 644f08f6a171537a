// SPDX-License-Identifier: Apache-2.0
#include "model/packet_reader.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <set>

#include "model/router_rules.hpp"

namespace guideway::test {

namespace {
const std::set<int> kExtensions{IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_FRAGMENT,
                                IPPROTO_AH};
constexpr int kExtensionsAtMost = 8;

bool has(const Bytes& frame, std::size_t offset, std::size_t size) {
    return offset + size <= frame.size();
}

/// A place in a chain of IPv6 extension headers.
struct Chain {
    std::size_t offset = 0;
    std::uint32_t left = 0;
    std::uint8_t protocol = 0;
    FragmentPlace fragment = FragmentPlace::kNone;
    std::uint32_t fragment_id = 0;
};

/// Why the transport header was not reached: cut off, or too many; or a routing header.
abi::verdict skip(const Bytes& frame, Chain& chain) {
    for (int count = 0; kExtensions.contains(chain.protocol); ++count) {
        if (count > kExtensionsAtMost || !has(frame, chain.offset, 8))
            return abi::VERDICT_BAD_EXTENSION_HEADERS;
        std::uint32_t length = (frame[chain.offset + 1] + 1U) * 8;
        if (chain.protocol == IPPROTO_FRAGMENT)
            length = 8;
        if (chain.protocol == IPPROTO_AH)
            length = (frame[chain.offset + 1] + 2U) * 4;
        if (length > chain.left)
            return abi::VERDICT_BAD_EXTENSION_HEADERS;
        if (chain.protocol == IPPROTO_ROUTING &&
            (frame[chain.offset + 2] == 0 || frame[chain.offset + 3] != 0))
            return abi::VERDICT_SOURCE_ROUTED;
        if (chain.protocol == IPPROTO_FRAGMENT) {
            const auto field = u16_at(frame, chain.offset + 2);
            if ((field & 0xfff9) != 0) {
                chain.fragment = (field & 0xfff8) != 0 ? FragmentPlace::kLater : FragmentPlace::kFirst;
                chain.fragment_id = static_cast<std::uint32_t>(u16_at(frame, chain.offset + 4)) << 16 |
                                    u16_at(frame, chain.offset + 6);
            }
            if (chain.fragment == FragmentPlace::kLater)
                return abi::VERDICT_NONE;
        }
        if (count == kExtensionsAtMost)
            return abi::VERDICT_BAD_EXTENSION_HEADERS;
        chain.protocol = frame[chain.offset];
        chain.offset += length;
        chain.left -= length;
    }
    return abi::VERDICT_NONE;
}

abi::verdict read_transport(const Bytes& frame, ReadPacket& packet) {
    const auto at = packet.transport;
    const int icmp = packet.v4 ? 1 : 58;
    if (packet.protocol == icmp)
        return abi::VERDICT_ICMP;
    if (packet.protocol != IPPROTO_TCP && packet.protocol != IPPROTO_UDP)
        return abi::VERDICT_UNKNOWN_PROTOCOL;
    const std::size_t size = packet.protocol == IPPROTO_TCP ? 20 : 8;
    if (packet.transport_left < size || !has(frame, at, size))
        return abi::VERDICT_BAD_TRANSPORT_HEADER;
    if (packet.protocol == IPPROTO_TCP) {
        const std::uint32_t header = (frame[at + 12] >> 4) * 4U;
        const bool goes_on = packet.fragment == FragmentPlace::kFirst;
        if (header < 20 || (header > packet.transport_left && !goes_on))
            return abi::VERDICT_BAD_TRANSPORT_HEADER;
    }
    packet.source_port = u16_at(frame, at);
    packet.destination_port = u16_at(frame, at + 2);
    if (packet.protocol == IPPROTO_TCP) {
        packet.is_syn = (frame[at + 13] & 0x12) == 0x02;
    } else if (packet.transport_left >= 13 && has(frame, at, 13)) {
        const bool version_2 = u16_at(frame, at + 9) == 0x6b33 && u16_at(frame, at + 11) == 0x43cf;
        packet.is_quic_initial = (frame[at + 8] & 0xf0) == (version_2 ? 0xd0 : 0xc0);
    }
    return abi::VERDICT_NONE;
}

abi::verdict read_ipv4(const Bytes& frame, ReadPacket& packet) {
    const auto ip = packet.link_length;
    if (!has(frame, ip, 20))
        return abi::VERDICT_TOO_SHORT;
    packet.v4 = true;
    packet.traffic_class = frame[ip + 1];
    packet.length = u16_at(frame, ip + 2);
    packet.id = u16_at(frame, ip + 4);
    const auto fragment = u16_at(frame, ip + 6);
    packet.dont_fragment = (fragment & 0x4000) != 0;
    packet.ttl = frame[ip + 8];
    packet.protocol = frame[ip + 9];
    packet.source = IpAddress::from_network(&frame[ip + 12], true);
    packet.destination = IpAddress::from_network(&frame[ip + 16], true);
    if (frame[ip] >> 4 != 4)
        return abi::VERDICT_BAD_VERSION;
    const std::uint32_t header = (frame[ip] & 15U) * 4;
    if (header < 20 || !has(frame, ip, header))
        return abi::VERDICT_BAD_HEADER_LENGTH;
    if (const auto verdict = judge_options(frame, ip + 20, ip + header); verdict != abi::VERDICT_NONE)
        return verdict;
    if (packet.length < header || !has(frame, ip, packet.length))
        return abi::VERDICT_BAD_TOTAL_LENGTH;
    if (packet.ttl == 0)
        return abi::VERDICT_TTL_ZERO;
    if (is_impossible_source(packet.source, packet.destination))
        return abi::VERDICT_IMPOSSIBLE_SOURCE;
    if ((fragment & 0x3fff) != 0) {
        packet.fragment_id = packet.id;
        packet.fragment = (fragment & 0x1fff) != 0 ? FragmentPlace::kLater : FragmentPlace::kFirst;
        if (packet.fragment == FragmentPlace::kLater)
            return abi::VERDICT_NONE;
    }
    packet.transport = ip + header;
    packet.transport_left = packet.length - header;
    return read_transport(frame, packet);
}

abi::verdict read_ipv6(const Bytes& frame, ReadPacket& packet) {
    const auto ip = packet.link_length;
    if (!has(frame, ip, 40))
        return abi::VERDICT_TOO_SHORT;
    packet.traffic_class = static_cast<std::uint8_t>(u16_at(frame, ip) >> 4);
    packet.length = 40U + u16_at(frame, ip + 4);
    packet.dont_fragment = true;
    packet.protocol = frame[ip + 6];
    packet.ttl = frame[ip + 7];
    packet.source = IpAddress::from_network(&frame[ip + 8], false);
    packet.destination = IpAddress::from_network(&frame[ip + 24], false);
    if (packet.destination.is_v4())
        return abi::VERDICT_NOT_VIP;
    if (frame[ip] >> 4 != 6)
        return abi::VERDICT_BAD_VERSION;
    if (!has(frame, ip, packet.length))
        return abi::VERDICT_BAD_TOTAL_LENGTH;
    if (packet.ttl == 0)
        return abi::VERDICT_TTL_ZERO;
    if (packet.source.is_v4() || is_impossible_source(packet.source, packet.destination))
        return abi::VERDICT_IMPOSSIBLE_SOURCE;
    Chain chain{.offset = ip + 40, .left = packet.length - 40, .protocol = packet.protocol};
    const auto skipped = skip(frame, chain);
    packet.protocol = chain.protocol;
    packet.fragment = chain.fragment;
    packet.fragment_id = chain.fragment_id;
    if (skipped != abi::VERDICT_NONE)
        return skipped;
    const bool whole_icmp = packet.protocol == IPPROTO_ICMPV6 && packet.fragment == FragmentPlace::kNone;
    if (is_link_local(packet.source) && !whole_icmp)
        return abi::VERDICT_IMPOSSIBLE_SOURCE;
    if (packet.fragment == FragmentPlace::kLater)
        return abi::VERDICT_NONE;
    packet.transport = chain.offset;
    packet.transport_left = chain.left;
    return read_transport(frame, packet);
}
}  // namespace

ReadPacket read_packet(const Bytes& frame) {
    ReadPacket packet;
    packet.verdict = abi::VERDICT_TOO_SHORT;
    packet.link_length = 14;
    if (frame.size() < 14)
        return packet;
    auto type = u16_at(frame, 12);
    for (int tags = 0; tags < 2 && (type == 0x8100 || type == 0x88a8); ++tags) {
        if (!has(frame, packet.link_length, 4))
            return packet;
        type = u16_at(frame, packet.link_length + 2);
        packet.link_length += 4;
    }
    if (type == 0x0800)
        packet.verdict = read_ipv4(frame, packet);
    else if (type == 0x86dd)
        packet.verdict = read_ipv6(frame, packet);
    else if (type != 0 || packet.link_length == 14)
        packet.verdict = abi::VERDICT_NOT_IP;
    return packet;
}

abi::verdict read_icmp_error(const Bytes& frame, ReadPacket& packet) {
    if (packet.length > (packet.v4 ? 576 : 1280))
        return abi::VERDICT_BAD_ICMP_ERROR;
    Chain quoted{.offset = packet.transport + 8, .left = packet.transport_left - 8};
    const std::size_t minimum = packet.v4 ? 20 : 40;
    const auto ip = quoted.offset;
    if (quoted.left < minimum || !has(frame, ip, minimum) || frame[ip] >> 4 != (packet.v4 ? 4 : 6))
        return abi::VERDICT_BAD_ICMP_ERROR;
    const std::uint32_t header = packet.v4 ? (frame[ip] & 15U) * 4 : 40;
    if (header < minimum || header > quoted.left)
        return abi::VERDICT_BAD_ICMP_ERROR;
    if (packet.v4 && (u16_at(frame, ip + 6) & 0x1fff) != 0)
        return abi::VERDICT_BAD_ICMP_ERROR;
    if (packet.v4 ? u16_at(frame, ip + 2) < header + 8 : u16_at(frame, ip + 4) < 8)
        return abi::VERDICT_BAD_ICMP_ERROR;
    quoted.protocol = frame[ip + (packet.v4 ? 9 : 6)];
    quoted.offset += header;
    quoted.left -= header;
    const auto vip = IpAddress::from_network(&frame[ip + (packet.v4 ? 12 : 8)], packet.v4);
    const auto client = IpAddress::from_network(&frame[ip + (packet.v4 ? 16 : 24)], packet.v4);
    if (!packet.v4 && (skip(frame, quoted) != abi::VERDICT_NONE || quoted.fragment == FragmentPlace::kLater))
        return abi::VERDICT_BAD_ICMP_ERROR;
    if (vip != packet.destination)
        return abi::VERDICT_BAD_ICMP_ERROR;
    if (quoted.protocol != IPPROTO_TCP && quoted.protocol != IPPROTO_UDP)
        return abi::VERDICT_ICMP;
    if (quoted.left < 8 || !has(frame, quoted.offset, 8))
        return abi::VERDICT_BAD_ICMP_ERROR;
    if (is_impossible_source(client, vip) || is_link_local(client) || (!packet.v4 && client.is_v4()))
        return abi::VERDICT_BAD_ICMP_ERROR;
    packet.sender = packet.source;
    packet.source = client;
    packet.protocol = quoted.protocol;
    packet.source_port = u16_at(frame, quoted.offset + 2);
    packet.destination_port = u16_at(frame, quoted.offset);
    packet.icmp_error = true;
    return abi::VERDICT_NONE;
}

}  // namespace guideway::test
