// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bgp/route.hpp"

namespace guideway::bgp {

/// One line for ExaBGP, and what it is for.
struct Command {
    /// The supervisor's protocol has these numbers.
    enum class Kind { kWithdraw, kAnnounce, kEndOfRib, kSummary, kReload, kConfiguration };

    Kind kind = Kind::kSummary;
    IpAddress vip;                                  ///< of a route
    Attributes attributes;                          ///< of an announcement
    std::vector<IpAddress> peers;                   ///< whom it is for
    config::Family family = config::Family::kIpv4;  ///< of an End-of-RIB
    std::string text;

    /// Whether it is about a VIP's route.
    [[nodiscard]] bool is_route() const { return kind == Kind::kWithdraw || kind == Kind::kAnnounce; }
};

using Peers = std::vector<IpAddress>;

[[nodiscard]] Command withdraw_command(const IpAddress& vip, Peers peers);
[[nodiscard]] Command announce_command(const IpAddress& vip, const Attributes& attributes, Peers peers);
[[nodiscard]] Command end_of_rib_command(config::Family family, const IpAddress& peer);
/// Its answer lists the sessions that are up (EstablishedPeer).
[[nodiscard]] Command summary_command();
/// Has ExaBGP read its configuration again: neighbours come and go, those that stay the same notice nothing.
[[nodiscard]] Command reload_command();
/// Its answer lists the neighbours that ExaBGP has (ConfiguredPeer).
[[nodiscard]] Command configuration_command();

}  // namespace guideway::bgp
