// SPDX-License-Identifier: Apache-2.0
#include "agent/link_addresses.hpp"

#include <net/if.h>

#include "net/interface.hpp"

namespace guideway::agent {

Result<std::map<int, std::vector<MacAddress>>> link_addresses_of(const std::vector<std::string>& interfaces) {
    auto netlink = net::Netlink::open();
    if (!netlink)
        return std::unexpected(netlink.error());
    std::map<int, std::vector<MacAddress>> addresses;
    for (const auto& interface : interfaces) {
        const auto index = static_cast<int>(if_nametoindex(interface.c_str()));
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
