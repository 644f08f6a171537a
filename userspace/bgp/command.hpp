// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bgp/route.hpp"

namespace guideway::bgp {

/// One line for ExaBGP, and what it is for.
struct Command {
    enum class Kind { kWithdraw, kAnnounce, kEndOfRib, kSummary };

    Kind kind = Kind::kSummary;
    IpAddress vip;                                  ///< of a route
    Attributes attributes;                          ///< of an announcement
    std::vector<IpAddress> peers;                   ///< whom it is for
    config::Family family = config::Family::kIpv4;  ///< of an End-of-RIB
    std::string text;
};

using Peers = std::vector<IpAddress>;

[[nodiscard]] Command withdraw_command(const IpAddress& vip, Peers peers);
[[nodiscard]] Command announce_command(const IpAddress& vip, const Attributes& attributes, Peers peers);
[[nodiscard]] Command end_of_rib_command(config::Family family, const IpAddress& peer);
/// Its answer lists the sessions that are up (EstablishedPeer).
[[nodiscard]] Command summary_command();

}  // namespace guideway::bgp
