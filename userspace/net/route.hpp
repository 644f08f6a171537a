// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "net/netlink.hpp"
#include "util/ip_address.hpp"
#include "util/result.hpp"

namespace guideway::net {

/// The kernel's decision where packets from this host to one destination go.
struct Route {
    int ifindex = 0;
    std::optional<IpAddress> gateway;     ///< nothing on the link itself; may be of the other family
    std::optional<IpAddress> source;      ///< the preferred one
    std::optional<std::uint32_t> mtu;     ///< bytes of an IP packet, if the route limits them
    std::optional<std::uint32_t> advmss;  ///< MSS advertised to the destination, if the route sets it
    bool local = false;                   ///< the destination is this host
};

/// Errors: `no route to 10.0.1.11: network is unreachable`.
[[nodiscard]] Result<Route> route_to(Netlink& netlink, const IpAddress& destination);

/// First and last address of a prefix.
struct AddressRange {
    IpAddress first;
    IpAddress last;
};

/// The destinations that an announced route (RTM_NEWROUTE, RTM_DELROUTE) is about.
[[nodiscard]] AddressRange destinations_of(const nlmsghdr& message);

}  // namespace guideway::net
