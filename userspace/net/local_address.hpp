// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "net/netlink.hpp"
#include "util/ip_address.hpp"
#include "util/result.hpp"

namespace guideway::net {

/// Gives an interface of this host an address, as a host route (/32, /128) without duplicate address
/// detection. False if it has it already.
[[nodiscard]] Result<bool> add_local_address(Netlink& netlink, int ifindex, const IpAddress& address);

/// Takes it away; nothing happens if the interface has no such address.
[[nodiscard]] Result<void> remove_local_address(Netlink& netlink, int ifindex, const IpAddress& address);

/// An address of this host.
struct OwnAddress {
    int ifindex = 0;
    IpAddress address;
    std::uint8_t length = 0;  ///< of the network that it is in
};
[[nodiscard]] Result<std::vector<OwnAddress>> own_addresses(Netlink& netlink);

/// Makes all of a prefix addresses of this host, which no interface shows: a local route on `lo` (`ip route
/// add local PREFIX dev lo`). `ifindex` is lo's. False if there is such a route already.
[[nodiscard]] Result<bool> add_local_route(Netlink& netlink, int ifindex, const IpAddress& address,
                                           std::uint8_t length);

/// Takes it away; nothing happens if there is no such route.
[[nodiscard]] Result<void> remove_local_route(Netlink& netlink, int ifindex, const IpAddress& address,
                                              std::uint8_t length);

}  // namespace guideway::net
