// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "net/netlink.hpp"
#include "util/mac_address.hpp"
#include "util/result.hpp"

namespace guideway::net {

/// What makes an interface a VLAN's.
struct Vlan {
    std::uint16_t id = 0;
    std::uint16_t protocol = 0;  ///< of the tag: ETH_P_8021Q or ETH_P_8021AD
    int below = 0;               ///< index of the interface that its frames, tagged, leave by

    bool operator==(const Vlan&) const = default;
};

/// A network interface of this host.
struct Interface {
    int index = 0;
    std::string name;
    std::optional<MacAddress> mac;  ///< nothing unless the device is Ethernet (loopback, tunnels)
    std::uint32_t mtu = 0;          ///< bytes of an IP packet
    bool up = false;                ///< by the administrator's will
    bool carrier = false;           ///< up, and its link as well
    std::optional<Vlan> vlan;       ///< nothing unless it is one

    bool operator==(const Interface&) const = default;
};

/// Errors: `no interface eth7: cause`.
[[nodiscard]] Result<Interface> interface_named(Netlink& netlink, const std::string& name);
/// Errors: `no interface with index 7: cause`.
[[nodiscard]] Result<Interface> interface_at(Netlink& netlink, int index);

/// The MAC addresses by which frames that come by the interface are for this host: its own, and those of
/// VLANs' and other devices on top of it.
[[nodiscard]] Result<std::vector<MacAddress>> link_addresses(Netlink& netlink, int index);

}  // namespace guideway::net
