// SPDX-License-Identifier: Apache-2.0
#include "cli/own_interface.hpp"

#include "config/scalar.hpp"
#include "net/interface.hpp"
#include "net/route.hpp"

namespace guideway::cli {

namespace {
/// Stand for all that is elsewhere.
constexpr const char* kSomeClients[] = {"198.51.100.1", "2001:db8:ffff:ffff::1"};
}  // namespace

Result<void> find_own_interface(std::vector<std::string>& interfaces) {
    if (interfaces != std::vector<std::string>{config::kAutoInterface})
        return {};
    auto netlink = net::Netlink::open();
    if (!netlink)
        return std::unexpected(netlink.error());
    for (const auto* client : kSomeClients) {
        const auto route = net::route_to(*netlink, *IpAddress::parse(client));
        if (!route || route->local)
            continue;
        const auto interface = net::interface_at(*netlink, route->ifindex);
        if (!interface)
            return std::unexpected(interface.error());
        interfaces = {interface->name};
        return {};
    }
    return fail(
        "interfaces: auto is where the default route leads, and this host has none; name them instead");
}

}  // namespace guideway::cli
