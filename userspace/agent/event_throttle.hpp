// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "api/event.hpp"

namespace guideway::agent {

/// Keeps a mass failure from filling the history, and the disk: of one kind, in a second, the first
/// kEachInSecond events are told one by one, the others as one event with their number. Pure; the caller
/// brings the clock.
class EventThrottle {
  public:
    using SteadyTime = std::chrono::steady_clock::time_point;
    static constexpr std::uint64_t kEachInSecond = 100;

    /// Whether the event is to be told now; if not, it is one of those that take_due() tells of.
    [[nodiscard]] bool admits(const api::Event& event, SteadyTime now);

    /// When take_due() has something to tell; nothing: it has not.
    [[nodiscard]] std::optional<SteadyTime> due() const;
    /// Those whose second is over: one event of each kind, with the service and the reason that they have in
    /// common, if they do.
    [[nodiscard]] std::vector<api::Event> take_due(SteadyTime now);
    [[nodiscard]] std::vector<api::Event> take_all() { return take_due(SteadyTime::max()); }

  private:
    struct Second {
        SteadyTime end;
        std::uint64_t told = 0;
        std::optional<api::Event> others;
    };
    std::map<api::EventKind, Second> seconds_;
};

}  // namespace guideway::agent
