// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/model.hpp"

namespace guideway::bgp {

/// What is announced with a VIP. ExaBGP sends the local preference to routers of the same AS only.
struct Attributes {
    std::vector<config::Community> communities;  ///< ascending, each once
    std::optional<std::uint32_t> med;
    std::optional<std::uint32_t> local_preference;
    std::optional<IpAddress> next_hop;  ///< of the VIP's family; nothing: this end of the session

    auto operator<=>(const Attributes&) const = default;
};

/// VIPs, each announced as /32 or /128.
using Routes = std::map<IpAddress, Attributes>;

/// "The routes are about to go": routers prefer any other (RFC 8326).
inline constexpr config::Community kGracefulShutdown{65535, 0, {}};

/// The VIP's attributes out of what its services say, in their order, and what holds for all: every
/// community, of the rest the first that is set.
[[nodiscard]] Attributes attributes_of(const IpAddress& vip,
                                       const std::vector<const config::RouteAttributes*>& by_precedence);

[[nodiscard]] Attributes with_community(Attributes attributes, const config::Community& community);

/// `192.0.2.10/32`, `2001:db8::10/128`.
[[nodiscard]] std::string prefix_text(const IpAddress& vip);

}  // namespace guideway::bgp
