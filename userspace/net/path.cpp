// SPDX-License-Identifier: Apache-2.0
#include "net/path.hpp"

#include <linux/if_ether.h>

#include <algorithm>

#include "net/route.hpp"

namespace guideway::net {

namespace {
using Cause = NoNextHop::Cause;

template <typename... Args>
std::unexpected<NoNextHop> no_next_hop(Cause cause, fmt::format_string<Args...> format, Args&&... args) {
    return std::unexpected(NoNextHop{fmt::format(format, std::forward<Args>(args)...), cause});
}
}  // namespace

const Result<Interface>& PathFinder::interface(int index) {
    const auto known = interfaces_.find(index);
    if (known != interfaces_.end())
        return known->second;
    return interfaces_.emplace(index, interface_at(netlink_, index)).first->second;
}

/// One tag is 802.1Q; of two the outer one is 802.1ad: the program knows no other frames.
std::expected<Port, NoNextHop> PathFinder::port_of(const Interface& out) {
    if (!out.vlan)
        return Port{.ifindex = out.index, .vlan = {}};
    const auto& below = interface(out.vlan->below);
    if (!below)
        return no_next_hop(Cause::kHost, "{}, below VLAN {}", below.error().message, out.name);
    const auto& outer = below->vlan;
    if (out.vlan->protocol != ETH_P_8021Q || (outer && outer->protocol != ETH_P_8021AD))
        return no_next_hop(Cause::kUnusable, "the tags of VLAN {} are neither 802.1Q nor that in 802.1ad",
                           out.name);
    if (!outer)
        return Port{.ifindex = below->index, .vlan = {out.vlan->id}};
    const auto& bottom = interface(outer->below);
    if (!bottom)
        return no_next_hop(Cause::kHost, "{}, below VLAN {}", bottom.error().message, below->name);
    if (bottom->vlan)
        return no_next_hop(Cause::kUnusable, "VLAN {} has more than two tags", out.name);
    return Port{.ifindex = bottom->index, .vlan = {outer->id, out.vlan->id}};
}

std::expected<Path, NoNextHop> PathFinder::path_to(const IpAddress& destination) {
    const auto route = route_to(netlink_, destination);
    if (!route)
        return no_next_hop(Cause::kHost, "{}", route.error().message);
    if (route->local)
        return no_next_hop(Cause::kLocal, "{} is this host's own address", destination.text());

    const auto& out = interface(route->ifindex);
    if (!out)
        return no_next_hop(Cause::kHost, "{}", out.error().message);
    if (!out->mac)
        return no_next_hop(Cause::kUnusable, "interface {} towards {} is not Ethernet", out->name,
                           destination.text());
    if (!out->carrier)
        return no_next_hop(Cause::kHost, "interface {} is down", out->name);
    if (!route->source)
        return no_next_hop(Cause::kHost, "interface {} has no source address for {}", out->name,
                           destination.text());

    const auto port = port_of(*out);
    if (!port)
        return std::unexpected(port.error());
    return Path{.neighbour = {out->index, route->gateway.value_or(destination)},
                .interface = out->name,
                .port = *port,
                .source_mac = *out->mac,
                .source = *route->source,
                .mtu = std::min(out->mtu, route->mtu.value_or(out->mtu))};
}

}  // namespace guideway::net
