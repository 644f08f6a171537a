// SPDX-License-Identifier: Apache-2.0
#include "control/backend_entry.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

namespace guideway::control {

namespace {
constexpr std::uint8_t kOuterHopLimit = 64;  // bpf/encap.h writes the same

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
    sum += htons(static_cast<std::uint16_t>(kOuterHopLimit << 8));
    for (const std::uint16_t word : words)
        sum += word;
    return fold(sum);
}
}  // namespace

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
    entry.flags |= abi::BACKEND_NEXT_HOP;
    entry.source = abi::to_abi(next_hop.source);
    std::memcpy(entry.next_hop_mac, next_hop.mac.bytes.data(), sizeof(entry.next_hop_mac));
    std::memcpy(entry.interface_mac, next_hop.source_mac.bytes.data(), sizeof(entry.interface_mac));
    entry.interface = static_cast<std::uint32_t>(next_hop.ifindex);
    entry.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(next_hop.mtu, 0xffff));
    if (const auto address = abi::from_abi(entry.address); address.is_v4())
        entry.outer_checksum = outer_checksum(next_hop.source, address);
}

void store_backend(abi::backend& element, const abi::backend& wanted) {
    const bool same_source = std::memcmp(&element.source, &wanted.source, sizeof(wanted.source)) == 0;
    if ((element.flags & abi::BACKEND_NEXT_HOP) != 0 && !same_source) {
        abi::backend closed = element;
        closed.flags &= static_cast<std::uint16_t>(~abi::BACKEND_NEXT_HOP);
        store_words(element, closed);
    }
    abi::backend first = wanted;
    std::memcpy(first.next_hop_mac, element.next_hop_mac, sizeof(std::uint64_t));
    store_words(element, first);
    store_words(element, wanted);
}

}  // namespace guideway::control
