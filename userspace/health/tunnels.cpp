// SPDX-License-Identifier: Apache-2.0
#include "health/tunnels.hpp"

#include <algorithm>

#include "net/route.hpp"

namespace guideway::health {

namespace {
/// Routes to VIPs are looked up again after this time.
constexpr std::chrono::seconds kEntranceAge{5};
/// The largest packet that clients send.
constexpr std::uint32_t kClientMtu = 1500;

std::uint32_t packet_size(const net::NextHop& next_hop, const IpAddress& backend) {
    return std::min(kClientMtu, next_hop.mtu - (backend.is_v4() ? 20 : 40));
}
}  // namespace

Result<std::unique_ptr<Tunnels>> Tunnels::create(config::ProbeMark mark, std::uint32_t backends) {
    auto encap = datapath::ProbeEncap::load(mark, backends + 1);
    if (!encap)
        return std::unexpected(encap.error());
    auto netlink = net::Netlink::open();
    if (!netlink)
        return std::unexpected(netlink.error());
    return std::unique_ptr<Tunnels>(new Tunnels(std::move(*encap), std::move(*netlink)));
}

std::optional<std::uint32_t> Tunnels::free_index() {
    if (!free_.empty()) {
        const auto index = free_.back();
        free_.pop_back();
        return index;
    }
    if (never_used_ >= encap_.capacity())
        return std::nullopt;
    return never_used_++;
}

Result<void> Tunnels::follow(const std::set<IpAddress>& backends) {
    if (backends.size() >= encap_.capacity())
        return fail(
            "probe {} backends through the tunnel: their marks are at most {} (datapath.probe_mark, "
            "datapath.max_backends)",
            backends.size(), encap_.capacity() - 1);
    for (auto tunnel = tunnels_.begin(); tunnel != tunnels_.end();) {
        if (backends.contains(tunnel->first)) {
            ++tunnel;
            continue;
        }
        free_.push_back(tunnel->second.index);
        tunnel = tunnels_.erase(tunnel);
    }
    for (const auto& backend : backends) {
        if (tunnels_.contains(backend))
            continue;
        const auto index = free_index();
        tunnels_.emplace(backend, Tunnel{.index = *index});
        abi::probe_route route{};
        route.backend = abi::to_abi(backend);
        if (auto stored = encap_.store(*index, route); !stored)
            return stored;
    }
    return {};
}

Result<void> Tunnels::set_next_hop(const IpAddress& backend, const NextHopOrReason& next_hop) {
    auto& tunnel = tunnels_.at(backend);
    if (tunnel.next_hop == next_hop)
        return {};
    tunnel.next_hop = next_hop;
    abi::probe_route route{};
    route.backend = abi::to_abi(backend);
    if (next_hop) {
        route.source = abi::to_abi(next_hop->source);
        std::ranges::copy(next_hop->mac.bytes, route.next_hop_mac);
        std::ranges::copy(next_hop->source_mac.bytes, route.interface_mac);
        route.interface = static_cast<std::uint32_t>(next_hop->ifindex);
        route.flags = abi::PROBE_NEXT_HOP;
    }
    return encap_.store(tunnel.index, route);
}

std::expected<Way, Outcome> Tunnels::way(const IpAddress& backend, const IpAddress& vip, std::uint16_t port,
                                         Moment now) {
    const auto& tunnel = tunnels_.at(backend);
    if (const auto& open = entrance(vip, now); !open)
        return std::unexpected(Outcome::not_tried(open.error().message));
    if (!tunnel.next_hop)
        return std::unexpected(Outcome::silence(tunnel.next_hop.error()));
    return Way{.address = vip,
               .port = port,
               .mark = encap_.mark(tunnel.index),
               .packet_size = packet_size(*tunnel.next_hop, backend)};
}

bool Tunnels::way_is_open(const IpAddress& backend) const {
    return tunnels_.at(backend).next_hop.has_value();
}

std::uint64_t Tunnels::wrapped(const IpAddress& backend) const {
    return encap_.wrapped(tunnels_.at(backend).index);
}

const Result<void>& Tunnels::entrance(const IpAddress& vip, Moment now) {
    const auto [found, is_new] = entrances_.try_emplace(vip, Entrance{{}, now});
    auto& entrance = found->second;
    if (is_new || now - entrance.looked_up >= kEntranceAge)
        entrance = {open_entrance(vip), now};
    return entrance.open;
}

Result<void> Tunnels::open_entrance(const IpAddress& vip) {
    const auto route = net::route_to(netlink_, vip);
    if (!route)
        return fail("probe {} through the tunnel: {}; add a route to it, which need not lead there",
                    vip.text(), route.error().message);
    if (route->local)
        return fail("probe {} through the tunnel: it is an address of this host; take it away", vip.text());
    if (!route->source)
        return fail("probe {} through the tunnel: this host has no address of its family", vip.text());
    return encap_.attach(route->ifindex);
}

}  // namespace guideway::health
