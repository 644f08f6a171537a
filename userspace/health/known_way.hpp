// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "health/outcome.hpp"
#include "net/next_hops.hpp"

namespace guideway::health {

/// Where a backend's packets are sent now, or why they cannot be.
using NextHopOrReason = net::Resolution;

/// The way to a backend as this host knows it, and how often this host was the cause that it changed.
class KnownWay {
  public:
    /// True if it is another one.
    bool set(const NextHopOrReason& next_hop);

    [[nodiscard]] const NextHopOrReason& next_hop() const { return next_hop_; }
    /// A probe that was silent while this number changed says nothing about the backend. A neighbour that
    /// falls silent, or answers again, is no such change: that is the backend's own doing.
    [[nodiscard]] std::uint64_t changes() const { return changes_; }
    /// What a probe comes to that cannot be sent, or was sent and not answered: bad if the backend is on the
    /// link and answers no ARP, not tried if this host is the cause; nothing if the way is known.
    [[nodiscard]] std::optional<Outcome> trouble() const;

  private:
    NextHopOrReason next_hop_ = std::unexpected(net::NoNextHop{"its next hop is not looked up yet"});
    std::uint64_t changes_ = 0;
};

}  // namespace guideway::health
