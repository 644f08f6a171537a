// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "net/netlink.hpp"
#include "util/ip_address.hpp"
#include "util/result.hpp"

namespace guideway::net {

/// Gives an interface of this host an address, as a host route (/32, /128) without duplicate address
/// detection. False if it has it already.
[[nodiscard]] Result<bool> add_local_address(Netlink& netlink, int ifindex, const IpAddress& address);

/// Takes it away; nothing happens if the interface has no such address.
[[nodiscard]] Result<void> remove_local_address(Netlink& netlink, int ifindex, const IpAddress& address);

}  // namespace guideway::net
