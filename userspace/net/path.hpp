// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <expected>
#include <string>
#include <unordered_map>

#include "net/interface.hpp"
#include "net/neighbour.hpp"
#include "net/netlink.hpp"
#include "util/ip_address.hpp"
#include "util/mac_address.hpp"

namespace guideway::net {

/// Why packets cannot be sent to a destination now.
struct NoNextHop {
    enum class Cause : std::uint8_t {
        kHost,           ///< this host has no route, link or address for it, or does not know yet
        kGatewaySilent,  ///< its gateway answers no ARP or neighbour discovery
        kSilent,         ///< the destination is on the link, and answers none
        kLocal,          ///< the destination is this host itself
        kUnusable,       ///< the kernel has a way, but not one that the programs can send by
    };

    std::string reason;  ///< `no route to 10.0.1.11: network is unreachable`
    Cause cause = Cause::kHost;

    bool operator==(const NoNextHop&) const = default;
};

/// The interface that frames leave by, and the tags that they carry there.
struct Port {
    int ifindex = 0;
    std::array<std::uint16_t, 2> vlan{};  ///< IDs, the outermost first (802.1ad before 802.1Q); 0 = none

    bool operator==(const Port&) const = default;
};

/// The way to a destination as far as routes and interfaces tell: all but the neighbour's MAC.
struct Path {
    NeighbourId neighbour;  ///< the gateway, or the destination if that is on the link
    std::string interface;
    Port port;  ///< the interface, or what is below it if that is a VLAN's
    MacAddress source_mac;
    IpAddress source;
    std::uint32_t mtu = 0;

    bool operator==(const Path&) const = default;
};

/// Finds paths, asking for each interface once: lives as long as one round of questions.
class PathFinder {
  public:
    explicit PathFinder(Netlink& netlink) : netlink_(netlink) {}

    [[nodiscard]] std::expected<Path, NoNextHop> path_to(const IpAddress& destination);

  private:
    [[nodiscard]] const Result<Interface>& interface(int index);
    [[nodiscard]] std::expected<Port, NoNextHop> port_of(const Interface& out);

    Netlink& netlink_;
    std::unordered_map<int, Result<Interface>> interfaces_;
};

}  // namespace guideway::net
