// SPDX-License-Identifier: Apache-2.0
#include "agent/link_addresses.hpp"

#include "net/interface.hpp"

namespace guideway::agent {

Result<std::map<int, std::vector<MacAddress>>> link_addresses_of(const std::vector<int>& interfaces) {
    auto netlink = net::Netlink::open();
    if (!netlink)
        return std::unexpected(netlink.error());
    std::map<int, std::vector<MacAddress>> addresses;
    for (const int index : interfaces) {
        if (index == 0)
            continue;
        auto found = net::link_addresses(*netlink, index);
        if (!found)
            return std::unexpected(found.error());
        addresses[index] = std::move(*found);
    }
    return addresses;
}

}  // namespace guideway::agent
