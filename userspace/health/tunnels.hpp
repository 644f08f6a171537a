// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "datapath/probe_encap.hpp"
#include "health/check.hpp"
#include "health/known_way.hpp"
#include "net/next_hops.hpp"

namespace guideway::health {

/// What traffic to a backend is wrapped in, and the VIP that it is for.
struct Tunnel {
    IpAddress backend;
    config::Encapsulation encapsulation = config::Encapsulation::kIpip;
    IpAddress vip;

    auto operator<=>(const Tunnel&) const = default;
};

/// The ways that probes take through tunnels: a marked socket to the VIP, whose packets the tc program wraps
/// as traffic to one backend is wrapped. They need a route to the VIP that leaves this host, a source address
/// of its family, and the program on the route's interface. Lives on the loop's thread; the loop outlives it.
class Tunnels {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Tunnels>> create(boost::asio::io_context& loop,
                                                                 config::ProbeMark mark,
                                                                 std::uint32_t backends);

    /// See ProbeEncap.
    [[nodiscard]] Result<void> share_flows(const datapath::Pins& pins) const {
        return encap_.share_flows(pins);
    }

    /// Replaces the set of tunnels. Errors: more than there is room for.
    [[nodiscard]] Result<void> follow(const std::set<Tunnel>& tunnels);
    /// Of all tunnels to the backend.
    [[nodiscard]] Result<void> set_next_hop(const IpAddress& backend, const NextHopOrReason& next_hop);

    /// The way through a tunnel that is followed, or what its probe comes to without one.
    [[nodiscard]] std::expected<Way, Outcome> way(const Tunnel& tunnel, std::uint16_t port, Moment now);
    /// How often this host was the cause that the way changed.
    [[nodiscard]] std::uint64_t changes(const Tunnel& tunnel) const;
    /// Packets that were wrapped for it so far.
    [[nodiscard]] std::uint64_t wrapped(const Tunnel& tunnel) const;
    /// Takes what the kernel has announced of routes to the VIPs.
    void catch_up() { entrance_paths_->catch_up(); }
    /// A packet left this host unwrapped, or not at all: looks whether the program is still in its place.
    void suspect(const Tunnel& tunnel);

  private:
    struct Entry {
        std::uint32_t index = 0;
        KnownWay way;
    };
    using PathOrReason = std::expected<net::Path, net::NoNextHop>;
    /// Where packets to a VIP leave this host.
    struct Entrance {
        PathOrReason path;
        Result<void> open;
        std::uint64_t changes = 0;
    };

    Tunnels(datapath::ProbeEncap encap) : encap_(std::move(encap)) {}

    [[nodiscard]] std::optional<std::uint32_t> free_index();
    void follow_entrances(const std::set<IpAddress>& vips);
    void look_at_entrances();
    [[nodiscard]] Result<void> open_entrance(const IpAddress& vip, const PathOrReason& path);
    void keep_attached(Entrance& entrance);

    datapath::ProbeEncap encap_;
    std::unique_ptr<net::NextHops> entrance_paths_;  ///< of the VIPs
    std::map<Tunnel, Entry> tunnels_;
    std::unordered_map<IpAddress, Entrance> entrances_;  ///< by VIP
    std::map<int, Moment> attached_at_;                  ///< by interface: when the filter was seen in place
    std::uint32_t never_used_ = 1;                       ///< 0 would be the bare mark
    std::vector<std::uint32_t> free_;
};

}  // namespace guideway::health
