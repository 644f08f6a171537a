// SPDX-License-Identifier: Apache-2.0
#include "agent/slot_watch.hpp"

#include <utility>

namespace guideway::agent {

void SlotWatch::look() {
    std::map<std::string, Seen> now;
    for (const auto& [name, numbers] : reconciler_.numbering().services) {
        const auto* life = reconciler_.lives().find(numbers.number);
        if (life == nullptr)
            continue;
        const Seen seen{numbers.number, life->moved(), life->is_moving()};
        now.emplace(name, seen);
        const auto found = seen_.find(name);
        if (found == seen_.end() || found->second.number != seen.number)
            continue;
        const auto& before = found->second;
        // One that has gone and come back meanwhile counts from zero.
        const auto moved = seen.moved - (seen.moved >= before.moved ? before.moved : 0);
        if (moved > 0)
            events_.note({.kind = api::EventKind::kMoved, .service = name, .slots = moved});
        if (!seen.moving && (before.moving || moved > 0))
            events_.note({.kind = api::EventKind::kSettled, .service = name});
    }
    seen_ = std::move(now);
}

}  // namespace guideway::agent
