// SPDX-License-Identifier: Apache-2.0
#include "datapath/listener_index.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstring>
#include <map>

namespace guideway::datapath {

namespace {
bool empty(const abi::listener& entry) {
    return entry.key.kind == abi::LISTENER_EMPTY;
}

/// One entry a listener with a port, and one a VIP that also knows its any-port listeners.
std::vector<abi::listener> entries_of(const std::vector<ListenerEntry>& listeners, bool answer_closed) {
    std::vector<abi::listener> entries;
    std::map<IpAddress, abi::listener> vips;
    for (const auto& listener : listeners) {
        auto& vip = vips[listener.vip];
        vip.key.vip = abi::to_abi(listener.vip);
        vip.key.kind = abi::LISTENER_VIP;
        vip.flags |= answer_closed ? +abi::LISTENER_ANSWER_CLOSED : 0;
        const std::uint16_t flags = listener.quic ? abi::LISTENER_QUIC : 0;
        if (listener.port == 0) {
            vip.flags |= flags;
            (listener.protocol == IPPROTO_TCP ? vip.any_port_tcp : vip.any_port_udp) = listener.service;
            continue;
        }
        abi::listener entry{};
        entry.key.vip = vip.key.vip;
        entry.key.port = htons(listener.port);
        entry.key.protocol = listener.protocol;
        entry.key.kind = abi::LISTENER_PORT;
        entry.service = listener.service;
        entry.flags = flags;
        entries.push_back(entry);
    }
    for (const auto& [address, entry] : vips)
        entries.push_back(entry);
    return entries;
}

/// Cuckoo insertion: an entry that finds both its slots taken moves out who sits in the second one.
bool insert(abi::listener_index& index, abi::listener entry) {
    constexpr int kMovesAtMost = 500;
    std::uint32_t from = index.mask + 1;
    for (int move = 0; move < kMovesAtMost; ++move) {
        const std::uint64_t hash = abi::listener_hash(&entry.key, index.seed);
        const auto first = static_cast<std::uint32_t>(hash) & index.mask;
        const auto second = static_cast<std::uint32_t>(hash >> 32) & index.mask;
        for (const std::uint32_t slot : {first, second}) {
            if (empty(index.slots[slot])) {
                index.slots[slot] = entry;
                return true;
            }
        }
        const std::uint32_t slot = from == second ? first : second;
        std::swap(entry, index.slots[slot]);
        from = slot;
    }
    return false;
}

bool same(const abi::listener_index& a, const abi::listener_index& b) {
    return a.mask == b.mask && a.seed == b.seed &&
           std::memcmp(a.slots, b.slots, sizeof(abi::listener) * (a.mask + 1)) == 0;
}

std::uint32_t active_element(const Maps& maps) {
    return std::atomic_ref(maps.listener_index(0).active).load(std::memory_order_acquire) %
           abi::LISTENER_INDEXES;
}
}  // namespace

Result<std::unique_ptr<abi::listener_index>> build_listener_index(const std::vector<ListenerEntry>& listeners,
                                                                  bool answer_closed) {
    constexpr std::uint64_t kSeedsAtMost = 64;
    const auto entries = entries_of(listeners, answer_closed);
    if (entries.size() > abi::LISTENER_KEYS_MAX)
        return fail("index {} listeners and VIPs: there is room for {}", entries.size(),
                    static_cast<unsigned>(abi::LISTENER_KEYS_MAX));
    auto index = std::make_unique<abi::listener_index>();
    index->mask = std::clamp<std::uint32_t>(std::bit_ceil(4 * static_cast<std::uint32_t>(entries.size())),
                                            abi::LISTENER_SLOTS_MIN, abi::LISTENER_SLOTS_MAX) -
                  1;
    for (index->seed = 1; index->seed <= kSeedsAtMost; ++index->seed) {
        std::memset(index->slots, 0, sizeof(index->slots));
        if (std::ranges::all_of(entries, [&](const auto& entry) { return insert(*index, entry); }))
            return index;
    }
    return fail("index {} listeners and VIPs: no layout found", entries.size());
}

bool is_published(const Maps& maps, const abi::listener_index& built) {
    return same(maps.listener_index(active_element(maps)), built);
}

void publish_listeners(const Maps& maps, const abi::listener_index& built) {
    const std::uint32_t active = active_element(maps);
    if (same(maps.listener_index(active), built))
        return;
    const std::uint32_t inactive = 1 - active;
    auto& target = maps.listener_index(inactive);
    target.mask = built.mask;
    target.seed = built.seed;
    std::memcpy(target.slots, built.slots, sizeof(abi::listener) * (target.mask + 1));
    std::atomic_ref(maps.listener_index(0).active).store(inactive, std::memory_order_release);
}

std::vector<ListenerEntry> published_listeners(const Maps& maps) {
    std::vector<ListenerEntry> listeners;
    const auto& index = maps.listener_index(active_element(maps));
    for (const auto& entry : std::span(index.slots, (index.mask & (abi::LISTENER_SLOTS_MAX - 1)) + 1)) {
        const IpAddress vip = abi::from_abi(entry.key.vip);
        const bool quic = (entry.flags & abi::LISTENER_QUIC) != 0;
        if (entry.key.kind == abi::LISTENER_PORT)
            listeners.push_back({vip, ntohs(entry.key.port), entry.key.protocol, entry.service, quic});
        if (entry.any_port_tcp != 0)
            listeners.push_back({vip, 0, IPPROTO_TCP, entry.any_port_tcp, false});
        if (entry.any_port_udp != 0)
            listeners.push_back({vip, 0, IPPROTO_UDP, entry.any_port_udp, quic});
    }
    std::ranges::sort(listeners);
    return listeners;
}

}  // namespace guideway::datapath
