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
constexpr std::uint32_t kGreHeader = 4;
constexpr std::uint32_t kGueHeader = 12;  ///< with UDP's

std::uint32_t overhead(const Tunnel& tunnel) {
    const std::uint32_t outer = tunnel.backend.is_v4() ? 20 : 40;
    switch (tunnel.encapsulation) {
        case config::Encapsulation::kGre:
            return outer + kGreHeader;
        case config::Encapsulation::kGue:
            return outer + kGueHeader;
        case config::Encapsulation::kIpip:
            break;
    }
    return outer;
}

abi::probe_route route_of(const Tunnel& tunnel, const NextHopOrReason& next_hop) {
    abi::probe_route route{};
    route.backend = abi::to_abi(tunnel.backend);
    if (!next_hop)
        return route;
    route.source = abi::to_abi(next_hop->source);
    std::ranges::copy(next_hop->mac.bytes, route.next_hop_mac);
    std::ranges::copy(next_hop->source_mac.bytes, route.interface_mac);
    route.interface = static_cast<std::uint32_t>(next_hop->ifindex);
    route.flags = abi::PROBE_NEXT_HOP;
    if (tunnel.encapsulation == config::Encapsulation::kGre)
        route.flags |= abi::PROBE_GRE;
    if (tunnel.encapsulation == config::Encapsulation::kGue)
        route.flags |= abi::PROBE_GUE;
    return route;
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

Result<void> Tunnels::follow(const std::set<Tunnel>& tunnels) {
    if (tunnels.size() >= encap_.capacity())
        return fail(
            "probe {} backends through the tunnel: their marks are at most {} (datapath.probe_mark, "
            "datapath.max_backends)",
            tunnels.size(), encap_.capacity() - 1);
    std::erase_if(tunnels_, [&](const auto& followed) {
        const bool is_left = !tunnels.contains(followed.first);
        if (is_left)
            free_.push_back(followed.second.index);
        return is_left;
    });
    for (const auto& tunnel : tunnels) {
        if (tunnels_.contains(tunnel))
            continue;
        const Entry entry{.index = *free_index()};
        tunnels_.emplace(tunnel, entry);
        if (auto stored = encap_.store(entry.index, route_of(tunnel, entry.next_hop)); !stored)
            return stored;
    }
    return {};
}

Result<void> Tunnels::set_next_hop(const IpAddress& backend, const NextHopOrReason& next_hop) {
    for (auto found = tunnels_.lower_bound({backend, {}});
         found != tunnels_.end() && found->first.backend == backend; ++found) {
        auto& [tunnel, entry] = *found;
        if (entry.next_hop == next_hop)
            continue;
        entry.next_hop = next_hop;
        if (auto stored = encap_.store(entry.index, route_of(tunnel, next_hop)); !stored)
            return stored;
    }
    return {};
}

std::expected<Way, Outcome> Tunnels::way(const Tunnel& tunnel, const IpAddress& vip, std::uint16_t port,
                                         Moment now) {
    const auto& entry = tunnels_.at(tunnel);
    if (const auto& open = entrance(vip, now); !open)
        return std::unexpected(Outcome::not_tried(open.error().message));
    if (!entry.next_hop)
        return std::unexpected(Outcome::silence(entry.next_hop.error()));
    return Way{.address = vip,
               .port = port,
               .mark = encap_.mark(entry.index),
               .packet_size = std::min(kClientMtu, entry.next_hop->mtu - overhead(tunnel))};
}

bool Tunnels::way_is_open(const Tunnel& tunnel) const {
    return tunnels_.at(tunnel).next_hop.has_value();
}

std::uint64_t Tunnels::wrapped(const Tunnel& tunnel) const {
    return encap_.wrapped(tunnels_.at(tunnel).index);
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
