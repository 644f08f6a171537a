// SPDX-License-Identifier: Apache-2.0
#include "agent/next_hop_choice.hpp"

#include <fmt/ranges.h>

#include <algorithm>

#include "control/backend_entry.hpp"

namespace guideway::agent {

std::optional<net::NextHop> choose_next_hop(const config::Config& config, const std::vector<int>& interfaces,
                                            const net::Resolution& resolution,
                                            const std::expected<net::Path, net::NoNextHop>& path,
                                            const control::DesiredBackend& backend) {
    std::optional<net::NextHop> next_hop;
    if (resolution)
        next_hop = *resolution;
    else if (backend.mac && path)
        next_hop = net::next_hop_on(*path, *backend.mac);
    else if (resolution.error().cause == net::NoNextHop::Cause::kLocal) {
        next_hop.emplace();
        next_hop->local = true;
        return next_hop;
    }
    const auto ours = [&](int index) { return std::ranges::find(interfaces, index) != interfaces.end(); };
    if (next_hop && ours(next_hop->ifindex))
        next_hop->port = {.ifindex = next_hop->ifindex, .vlan = {}};
    if (!next_hop || !ours(next_hop->port.ifindex))
        return std::nullopt;
    if (backend.mac)
        next_hop->mac = *backend.mac;
    if (const auto& source =
            backend.member.address.is_v4() ? config.datapath.source : config.datapath.source6)
        next_hop->source = *source;
    control::vary_source(*next_hop, config.datapath.source_prefix);
    if (backend.mtu)
        next_hop->mtu = *backend.mtu;
    return next_hop;
}

net::NoNextHop why_no_next_hop(const config::Config& config, const net::Resolution& resolution) {
    if (!resolution)
        return resolution.error();
    return {fmt::format("its next hop is not on {}", fmt::join(config.interfaces, " or "))};
}

}  // namespace guideway::agent
