// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/model.hpp"
#include "net/netlink.hpp"

namespace guideway::backend {

/// What would keep packets from what serves them, and is the host's own matter: rp_filter, arp_ignore, the
/// MTU. A sentence each, which says what to do. `devices` are the present names of the interfaces.
[[nodiscard]] std::vector<std::string> troubles_of_host(net::Netlink& netlink,
                                                        const std::vector<std::string>& devices,
                                                        const std::vector<config::Prefix>& vips);

}  // namespace guideway::backend
