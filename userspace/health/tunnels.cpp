// SPDX-License-Identifier: Apache-2.0
#include "health/tunnels.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace guideway::health {

namespace {
/// Others may take the filter away at any time: it is looked for so often.
constexpr std::chrono::seconds kFilterAge{1};
/// The largest packet that clients send.
constexpr std::uint32_t kClientMtu = 1500;

std::uint32_t overhead(const Tunnel& tunnel) {
    const std::uint32_t outer = tunnel.backend.is_v4() ? abi::IPV4_HEADER : abi::IPV6_HEADER;
    switch (tunnel.encapsulation) {
        case config::Encapsulation::kGre:
            return outer + abi::GRE_HEADER;
        case config::Encapsulation::kGue:
            return outer + abi::GUE_HEADERS;
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

Result<std::unique_ptr<Tunnels>> Tunnels::create(boost::asio::io_context& loop, config::ProbeMark mark,
                                                 std::uint32_t backends) {
    auto encap = datapath::ProbeEncap::load(mark, backends + 1);
    if (!encap)
        return std::unexpected(encap.error());
    std::unique_ptr<Tunnels> self(new Tunnels(std::move(*encap)));
    auto paths = net::NextHops::create(loop, [tunnels = self.get()] { tunnels->look_at_entrances(); });
    if (!paths)
        return std::unexpected(paths.error());
    self->entrance_paths_ = std::move(*paths);
    return self;
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
    std::set<IpAddress> vips;
    for (const auto& tunnel : tunnels) {
        vips.insert(tunnel.vip);
        if (tunnels_.contains(tunnel))
            continue;
        Entry entry{.index = *free_index(), .way = {}};
        // The other tunnels to the backend know its way already.
        if (const auto other = tunnels_.lower_bound({tunnel.backend, {}, {}});
            other != tunnels_.end() && other->first.backend == tunnel.backend)
            entry.way = other->second.way;
        tunnels_.emplace(tunnel, entry);
        if (auto stored = encap_.store(entry.index, route_of(tunnel, entry.way.next_hop())); !stored)
            return stored;
    }
    follow_entrances(vips);
    return {};
}

Result<void> Tunnels::set_next_hop(const IpAddress& backend, const NextHopOrReason& next_hop) {
    for (auto found = tunnels_.lower_bound({backend, {}, {}});
         found != tunnels_.end() && found->first.backend == backend; ++found) {
        auto& [tunnel, entry] = *found;
        if (!entry.way.set(next_hop))
            continue;
        if (auto stored = encap_.store(entry.index, route_of(tunnel, next_hop)); !stored)
            return stored;
    }
    return {};
}

std::expected<Way, Outcome> Tunnels::way(const Tunnel& tunnel, std::uint16_t port, Moment now) {
    const auto& [index, known] = tunnels_.at(tunnel);
    auto& entrance = entrances_.at(tunnel.vip);
    if (entrance.path && now - attached_at_[entrance.path->neighbour.ifindex] >= kFilterAge)
        keep_attached(entrance);
    if (!entrance.open)
        return std::unexpected(Outcome::not_tried(entrance.open.error().message));
    if (auto trouble = known.trouble())
        return std::unexpected(std::move(*trouble));
    return Way{.address = tunnel.vip,
               .port = port,
               .mark = encap_.mark(index),
               .packet_size = std::min(kClientMtu, known.next_hop()->mtu - overhead(tunnel))};
}

std::uint64_t Tunnels::changes(const Tunnel& tunnel) const {
    return tunnels_.at(tunnel).way.changes() + entrances_.at(tunnel.vip).changes;
}

std::uint64_t Tunnels::wrapped(const Tunnel& tunnel) const {
    return encap_.wrapped(tunnels_.at(tunnel).index);
}

void Tunnels::suspect(const Tunnel& tunnel) {
    if (auto& entrance = entrances_.at(tunnel.vip); entrance.path)
        keep_attached(entrance);
}

void Tunnels::follow_entrances(const std::set<IpAddress>& vips) {
    entrance_paths_->follow(std::vector(vips.begin(), vips.end()));
    std::erase_if(entrances_, [&](const auto& entrance) { return !vips.contains(entrance.first); });
    for (const auto& vip : vips) {
        if (entrances_.contains(vip))
            continue;
        const auto& path = entrance_paths_->path_at(vip);
        entrances_.emplace(vip, Entrance{path, open_entrance(vip, path)});
    }
}

void Tunnels::look_at_entrances() {
    for (auto& [vip, entrance] : entrances_) {
        const auto& path = entrance_paths_->path_at(vip);
        if (path == entrance.path)
            continue;
        entrance.path = path;
        entrance.open = open_entrance(vip, path);
        ++entrance.changes;
    }
}

Result<void> Tunnels::open_entrance(const IpAddress& vip, const PathOrReason& path) {
    using Cause = net::NoNextHop::Cause;
    if (path) {
        const auto attached = encap_.attach(path->neighbour.ifindex);
        if (!attached)
            return std::unexpected(attached.error());
        attached_at_[path->neighbour.ifindex] = Clock::now();
        return {};
    }
    const auto& [reason, cause] = path.error();
    const char* remedy = cause == Cause::kLocal ? "; take it away from this host"
                         : cause == Cause::kUnusable
                             ? "; give it a route by an Ethernet interface, which need not lead there"
                             : "; it needs a route that leaves this host, but need not lead there";
    return fail("probe {} through the tunnel: {}{}", vip.text(), reason, remedy);
}

void Tunnels::keep_attached(Entrance& entrance) {
    const int ifindex = entrance.path->neighbour.ifindex;
    const auto attached = encap_.attach(ifindex);
    attached_at_[ifindex] = Clock::now();
    const bool was_open = entrance.open.has_value();
    entrance.open = attached ? Result<void>{} : std::unexpected(attached.error());
    if (attached == datapath::ProbeEncap::Attached::kAnew && was_open)
        spdlog::warn("the filter that wraps probes was gone from {}; it is attached again",
                     entrance.path->interface);
    if (attached != datapath::ProbeEncap::Attached::kAlready)
        ++entrance.changes;
}

}  // namespace guideway::health
