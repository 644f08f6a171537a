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

/// What traffic to a backend is wrapped in.
struct Tunnel {
    IpAddress backend;
    config::Encapsulation encapsulation = config::Encapsulation::kIpip;

    auto operator<=>(const Tunnel&) const = default;
};

/// The ways that probes take through tunnels: a marked socket to the VIP, whose packets the tc program wraps
/// as traffic to one backend is wrapped. They need a route to the VIP that leaves this host, a source address
/// of its family, and the program on the route's interface.
class Tunnels {
  public:
    [[nodiscard]] static Result<std::unique_ptr<Tunnels>> create(config::ProbeMark mark,
                                                                 std::uint32_t backends);

    /// Replaces the set of tunnels. Errors: more than there is room for.
    [[nodiscard]] Result<void> follow(const std::set<Tunnel>& tunnels);
    /// Of all tunnels to the backend.
    [[nodiscard]] Result<void> set_next_hop(const IpAddress& backend, const NextHopOrReason& next_hop);

    /// The way through a tunnel that is followed, or what its probe comes to without one.
    [[nodiscard]] std::expected<Way, Outcome> way(const Tunnel& tunnel, const IpAddress& vip,
                                                  std::uint16_t port, Moment now);
    /// Whether its next hop is known.
    [[nodiscard]] bool way_is_open(const Tunnel& tunnel) const;
    /// Packets that were wrapped for it so far.
    [[nodiscard]] std::uint64_t wrapped(const Tunnel& tunnel) const;

  private:
    struct Entry {
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
    std::map<Tunnel, Entry> tunnels_;
    std::unordered_map<IpAddress, Entrance> entrances_;  ///< by VIP
    std::uint32_t never_used_ = 1;                       ///< 0 would be the bare mark
    std::vector<std::uint32_t> free_;
};

}  // namespace guideway::health
