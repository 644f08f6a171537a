// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <vector>

#include "datapath/maps.hpp"

namespace guideway::datapath {

/// A listener and the number of its service.
struct ListenerEntry {
    IpAddress vip;
    std::uint16_t port = 0;  ///< host order; 0 = any
    std::uint8_t protocol = 0;
    std::uint16_t service = 0;
    bool quic = false;

    auto operator<=>(const ListenerEntry&) const = default;
};

/// Lays out the index of include/guideway/listener.h: every listener, and every VIP, in one of its two slots.
/// `answer_closed`: UDP to the VIPs' other ports is answered.
[[nodiscard]] Result<std::unique_ptr<abi::listener_index>> build_listener_index(
    const std::vector<ListenerEntry>& listeners, bool answer_closed = false);

/// Makes exactly these listeners known to the program. A packet sees either the set before or this one. The
/// index that is not active is written anew: wait_for_rcu_grace_period() must have been called since it was
/// active.
void publish_listeners(const Maps& maps, const abi::listener_index& built);

/// Whether the program knows exactly these.
[[nodiscard]] bool is_published(const Maps& maps, const abi::listener_index& built);

/// The listeners that the program knows, sorted.
[[nodiscard]] std::vector<ListenerEntry> published_listeners(const Maps& maps);

}  // namespace guideway::datapath
