// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "agent/event_log.hpp"
#include "control/reconciler.hpp"

namespace guideway::agent {

/// Notes how many slots of each service have moved, and when none of them moves any more.
class SlotWatch {
  public:
    SlotWatch(const control::Reconciler& reconciler, EventLog& events)
        : reconciler_(reconciler), events_(events) {}

    /// What moved between two looks is one event a service. Nothing is noted of what moved before the first.
    void look();

  private:
    struct Seen {
        std::uint16_t number = 0;
        std::uint64_t moved = 0;
        bool moving = false;
    };

    const control::Reconciler& reconciler_;
    EventLog& events_;
    std::map<std::string, Seen> seen_;
};

}  // namespace guideway::agent
