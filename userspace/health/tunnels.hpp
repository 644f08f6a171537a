// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <expected>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "datapath/probe_encap.hpp"
#include "health/check.hpp"
#include "net/netlink.hpp"
#include "net/next_hops.hpp"

namespace guideway::health {

/// Why a backend's packets cannot be sent now.
using NextHopOrReason = std::expected<net::NextHop, std::string>;

/// The ways that probes take through the tunnel: a marked socket to the VIP, whose packets the tc program
/// wraps for one backend. They need a route to the VIP that leaves this host, a source address of its family,
/// and the program on the route's interface.
class Tunnels {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Tunnels>> create(config::ProbeMark mark,
                                                                 std::uint32_t backends);

    /// Replaces the set of backends. Errors: more than there is room for.
    [[nodiscard]] Result<void> follow(const std::set<IpAddress>& backends);
    /// The backend is among those followed.
    [[nodiscard]] Result<void> set_next_hop(const IpAddress& backend, const NextHopOrReason& next_hop);

    /// The way to a backend, or what its probe comes to without one.
    [[nodiscard]] std::expected<Way, Outcome> way(const IpAddress& backend, const IpAddress& vip,
                                                  std::uint16_t port, Moment now);
    /// Whether its next hop is known.
    [[nodiscard]] bool way_is_open(const IpAddress& backend) const;
    /// Packets that were wrapped for it so far.
    [[nodiscard]] std::uint64_t wrapped(const IpAddress& backend) const;

  private:
    struct Tunnel {
        std::uint32_t index = 0;
        NextHopOrReason next_hop = std::unexpected<std::string>("not resolved yet");
    };
    struct Entrance {
        Result<void> open;
        Moment looked_up;
    };

    Tunnels(datapath::ProbeEncap encap, net::Netlink netlink)
        : encap_(std::move(encap)), netlink_(std::move(netlink)) {}

    [[nodiscard]] const Result<void>& entrance(const IpAddress& vip, Moment now);
    [[nodiscard]] Result<void> open_entrance(const IpAddress& vip);
    [[nodiscard]] std::optional<std::uint32_t> free_index();

    datapath::ProbeEncap encap_;
    net::Netlink netlink_;
    std::unordered_map<IpAddress, Tunnel> tunnels_;
    std::unordered_map<IpAddress, Entrance> entrances_;  ///< by VIP
    std::uint32_t never_used_ = 1;                       ///< 0 would be the bare mark
    std::vector<std::uint32_t> free_;
};

}  // namespace guideway::health
