// SPDX-License-Identifier: Apache-2.0
#include "net/path.hpp"

#include <algorithm>

#include "net/route.hpp"

namespace guideway::net {

namespace {
template <typename... Args>
std::unexpected<NoNextHop> no_next_hop(fmt::format_string<Args...> format, Args&&... args) {
    return std::unexpected(NoNextHop{fmt::format(format, std::forward<Args>(args)...), false});
}
}  // namespace

const Result<Interface>& PathFinder::interface(int index) {
    const auto known = interfaces_.find(index);
    if (known != interfaces_.end())
        return known->second;
    return interfaces_.emplace(index, interface_at(netlink_, index)).first->second;
}

std::expected<Path, NoNextHop> PathFinder::path_to(const IpAddress& destination) {
    const auto route = route_to(netlink_, destination);
    if (!route)
        return no_next_hop("{}", route.error().message);
    if (route->local)
        return std::unexpected(
            NoNextHop{fmt::format("{} is this host's own address", destination.text()), true});

    const auto& out = interface(route->ifindex);
    if (!out)
        return no_next_hop("{}", out.error().message);
    if (!out->mac)
        return no_next_hop("interface {} towards {} is not Ethernet", out->name, destination.text());
    if (!out->carrier)
        return no_next_hop("interface {} is down", out->name);
    if (!route->source)
        return no_next_hop("interface {} has no source address for {}", out->name, destination.text());

    return Path{.neighbour = {out->index, route->gateway.value_or(destination)},
                .interface = out->name,
                .source_mac = *out->mac,
                .source = *route->source,
                .mtu = std::min(out->mtu, route->mtu.value_or(out->mtu))};
}

}  // namespace guideway::net
