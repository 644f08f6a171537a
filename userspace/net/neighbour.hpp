// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "net/netlink.hpp"
#include "util/ip_address.hpp"
#include "util/mac_address.hpp"

namespace guideway::net {

/// A host on one of this host's links.
struct NeighbourId {
    int ifindex = 0;
    IpAddress address;

    bool operator==(const NeighbourId&) const = default;
};

enum class NeighbourState : std::uint8_t {
    kAbsent,     ///< the kernel has no entry
    kResolving,  ///< asked for, not answered yet
    kFailed,     ///< asked for, and nobody answered
    kStale,      ///< its MAC is usable; nobody has asked for a while
    kFresh,      ///< its MAC is confirmed, permanent, or just being confirmed
};

/// What the kernel holds about a neighbour.
struct Neighbour {
    NeighbourState state = NeighbourState::kAbsent;
    std::optional<MacAddress> mac;  ///< present in kStale and kFresh
};

/// An entry that the kernel announces (RTM_NEWNEIGH, RTM_DELNEIGH).
struct NeighbourAnnouncement {
    NeighbourId id;
    Neighbour neighbour;
};

[[nodiscard]] std::expected<Neighbour, Refusal> look_up(Netlink& netlink, const NeighbourId& id);

/// Makes the kernel resolve the neighbour, or confirm a stale MAC, as if it had a packet to send. Never for
/// one that is kFresh: it could be permanent, and the kernel would then forget it (Linux 5.16 and later).
[[nodiscard]] std::expected<void, Refusal> solicit(Netlink& netlink, const NeighbourId& id);

/// Nothing if the message is not about an IP neighbour (a bridge announces its own table likewise).
[[nodiscard]] std::optional<NeighbourAnnouncement> neighbour_in(const nlmsghdr& message);

}  // namespace guideway::net

template <>
struct std::hash<guideway::net::NeighbourId> {
    std::size_t operator()(const guideway::net::NeighbourId& id) const noexcept {
        return std::hash<guideway::IpAddress>{}(id.address) ^ static_cast<std::size_t>(id.ifindex);
    }
};
