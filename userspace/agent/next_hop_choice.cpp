// SPDX-License-Identifier: Apache-2.0
#include "agent/next_hop_choice.hpp"

namespace guideway::agent {

std::optional<net::NextHop> choose_next_hop(const config::Config& config, int interface,
                                            const net::NextHops& resolved,
                                            const control::DesiredBackend& backend) {
    const auto& address = backend.member.address;
    const auto& resolution = resolved.at(address);
    const auto& path = resolved.path_at(address);
    std::optional<net::NextHop> next_hop;
    if (resolution)
        next_hop = *resolution;
    else if (backend.mac && path)
        next_hop =
            net::NextHop{path->neighbour.ifindex, *backend.mac, path->source_mac, path->source, path->mtu};
    if (!next_hop || next_hop->ifindex != interface)
        return std::nullopt;
    if (backend.mac)
        next_hop->mac = *backend.mac;
    if (const auto& source = address.is_v4() ? config.datapath.source : config.datapath.source6)
        next_hop->source = *source;
    return next_hop;
}

std::string why_no_next_hop(const config::Config& config, const net::NextHops& resolved,
                            const IpAddress& backend) {
    const auto& resolution = resolved.at(backend);
    if (!resolution)
        return resolution.error().reason;
    return fmt::format("its next hop is not on {}", config.interfaces.front());
}

}  // namespace guideway::agent
