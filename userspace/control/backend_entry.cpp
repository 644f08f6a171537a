// SPDX-License-Identifier: Apache-2.0
#include "control/backend_entry.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>

namespace guideway::control {

namespace {
std::uint16_t fold(std::uint32_t sum) {
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(sum);
}

/// One's complement sum of what is constant in the outer IPv4 header: version, header length, TTL, addresses.
std::uint16_t outer_checksum(const IpAddress& source, const IpAddress& destination) {
    std::uint16_t words[4];
    std::memcpy(words, source.wire(), 4);
    std::memcpy(words + 2, destination.wire(), 4);
    std::uint32_t sum = htons(0x4500);
    sum += htons(static_cast<std::uint16_t>(abi::OUTER_HOP_LIMIT << 8));
    for (const std::uint16_t word : words)
        sum += word;
    return fold(sum);
}

std::uint16_t way_flags(const net::NextHop& next_hop) {
    unsigned flags = abi::BACKEND_NEXT_HOP;
    if (next_hop.local)
        flags |= abi::BACKEND_LOCAL;
    if (next_hop.port.vlan[0] != 0)
        flags |= abi::BACKEND_VLAN;
    if (next_hop.source_bits != 0)
        flags |= abi::BACKEND_VARIED_SOURCE;
    return static_cast<std::uint16_t>(flags);
}

/// In what does not lie in the two words that packets read at once.
bool is_same_way(const abi::backend& a, const abi::backend& b) {
    return std::memcmp(&a.source, &b.source, sizeof(a.source)) == 0 && a.interface == b.interface &&
           a.source_bits == b.source_bits && std::memcmp(a.vlan, b.vlan, sizeof(a.vlan)) == 0;
}

/// The flags that are wanted, under the next version if the way is another.
std::uint16_t version_after(const abi::backend& element, const abi::backend& wanted, bool same_way) {
    if ((wanted.flags & abi::BACKEND_CONFIGURED) == 0)
        return wanted.flags;  // nobody reads it any more
    const unsigned version = element.flags + (same_way ? 0U : +abi::BACKEND_VERSION_ONE);
    return static_cast<std::uint16_t>((wanted.flags & ~abi::BACKEND_VERSION) |
                                      (version & abi::BACKEND_VERSION));
}
}  // namespace

void vary_source(net::NextHop& next_hop, const std::optional<config::Prefix>& prefix) {
    if (!prefix || prefix->address.is_v4() != next_hop.source.is_v4())
        return;
    next_hop.source = prefix->address;
    next_hop.source_bits = static_cast<std::uint8_t>((prefix->address.is_v4() ? 32 : 128) - prefix->length);
}

abi::backend backend_entry(const DesiredBackend& backend, const std::optional<net::NextHop>& next_hop) {
    abi::backend entry{};
    entry.address = abi::to_abi(backend.member.address);
    entry.flags = abi::BACKEND_CONFIGURED | (backend.condition.alive ? abi::BACKEND_ALIVE : 0);
    entry.weight = backend.member.weight;
    entry.availability = backend.condition.availability;
    if (next_hop)
        set_next_hop(entry, *next_hop);
    return entry;
}

void set_next_hop(abi::backend& entry, const net::NextHop& next_hop) {
    entry.flags &=
        static_cast<std::uint16_t>(~(abi::BACKEND_LOCAL | abi::BACKEND_VLAN | abi::BACKEND_VARIED_SOURCE));
    entry.flags |= way_flags(next_hop);
    if (next_hop.local)
        return;
    entry.source = abi::to_abi(next_hop.source);
    std::memcpy(entry.next_hop_mac, next_hop.mac.bytes.data(), sizeof(entry.next_hop_mac));
    std::memcpy(entry.interface_mac, next_hop.source_mac.bytes.data(), sizeof(entry.interface_mac));
    entry.interface = static_cast<std::uint32_t>(next_hop.port.ifindex);
    entry.source_bits = next_hop.source_bits;
    for (std::size_t i = 0; i < next_hop.port.vlan.size(); ++i)
        entry.vlan[i] = htons(next_hop.port.vlan[i]);
    entry.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(next_hop.mtu, 0xffff));
    if (const auto address = abi::from_abi(entry.address); address.is_v4())
        entry.outer_checksum = outer_checksum(next_hop.source, address);
}

void store_backend(abi::backend& element, const abi::backend& wanted) {
    abi::backend next = wanted;
    next.flags = version_after(element, wanted, is_same_way(element, wanted));
    if ((element.flags & abi::BACKEND_NEXT_HOP) != 0 && !is_same_way(element, wanted)) {
        abi::backend closed = element;
        closed.flags &= static_cast<std::uint16_t>(~abi::BACKEND_NEXT_HOP);
        store_words(element, closed);
    }
    abi::backend first = next;
    std::memcpy(first.next_hop_mac, element.next_hop_mac, sizeof(std::uint64_t));
    store_words(element, first);
    store_words(element, next);
}

}  // namespace guideway::control
