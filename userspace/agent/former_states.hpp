// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>

#include "api/event.hpp"

namespace guideway::agent {

/// Since when everybody has been what the latest event about it said: how long a backend was up when it goes
/// down, a VIP announced when it is withdrawn. Pure; the caller brings the clock. It remembers as many as
/// there are events.
class FormerStates {
  public:
    using SteadyTime = std::chrono::steady_clock::time_point;

    explicit FormerStates(std::size_t kept) : kept_(kept) {}

    /// Remembers the event, and returns how long the state before it lasted; nothing if that is not known.
    /// `now`: by a clock that nobody sets; nothing for an event of an earlier agent, whose time of day
    /// counts.
    std::optional<std::chrono::milliseconds> note(const api::Event& event, std::optional<SteadyTime> now);

    /// What the event is about has changed, and nobody was told when.
    void forget(const api::Event& event);

  private:
    struct State {
        api::EventKind kind;
        std::chrono::system_clock::time_point at;
        std::optional<SteadyTime> steady;
        std::uint64_t turn = 0;
    };

    std::size_t kept_;
    std::uint64_t turn_ = 0;
    std::unordered_map<std::string, State> states_;
    std::deque<std::pair<std::uint64_t, std::string>>
        turns_;  ///< the oldest first, some of which are outdated
};

}  // namespace guideway::agent
