// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <utility>

#include "health/outcome.hpp"
#include "util/ip_address.hpp"

namespace guideway::health {

/// How many ports of this host probes may leave in TIME_WAIT: where it closes first, a connection's port
/// cannot be used for another one to the same destination for a minute.
struct PortLimits {
    std::size_t per_destination = 0;
    std::size_t altogether = 0;
};

/// A quarter of what the kernel gives out, and of the connections in TIME_WAIT that it keeps.
[[nodiscard]] PortLimits port_limits();

/// Counts the connections that may be in TIME_WAIT.
class PortBudget {
  public:
    using Destination = std::pair<IpAddress, std::uint16_t>;

    explicit PortBudget(const PortLimits& limits) : limits_(limits) {}

    /// Whether one more connection to the destination may be closed so, from now on for a minute.
    [[nodiscard]] bool take(const Destination& destination, Moment now);
    [[nodiscard]] std::size_t taken() const { return taken_; }

  private:
    void expire(Moment now);

    PortLimits limits_;
    std::size_t taken_ = 0;
    std::map<Destination, std::size_t> by_destination_;
    std::deque<std::pair<Moment, Destination>> until_;  ///< when each is free again
};

}  // namespace guideway::health
