// SPDX-License-Identifier: Apache-2.0
#include "agent/event_throttle.hpp"

#include <algorithm>
#include <utility>

namespace guideway::agent {

namespace {
api::Event first_of_many(const api::Event& event) {
    auto first = event;
    first.backend.clear();
    first.name.clear();
    first.vip.clear();
    first.peer.clear();
    return first;
}

void add(api::Event& many, const api::Event& event) {
    many.count += event.count;
    many.slots += event.slots;
    if (many.service != event.service)
        many.service.clear();
    if (many.reason != event.reason)
        many.reason.clear();
    if (many.by != event.by)
        many.by = {};
}
}  // namespace

bool EventThrottle::admits(const api::Event& event, SteadyTime now) {
    auto& second = seconds_[event.kind];
    if (now >= second.end && !second.others)
        second = {.end = now + std::chrono::seconds(1), .told = 0, .others = {}};
    if (second.told < kEachInSecond) {
        ++second.told;
        return true;
    }
    if (second.others)
        add(*second.others, event);
    else
        second.others = first_of_many(event);
    return false;
}

std::optional<EventThrottle::SteadyTime> EventThrottle::due() const {
    std::optional<SteadyTime> due;
    for (const auto& [kind, second] : seconds_) {
        if (second.others)
            due = std::min(due.value_or(second.end), second.end);
    }
    return due;
}

std::vector<api::Event> EventThrottle::take_due(SteadyTime now) {
    std::vector<api::Event> due;
    for (auto& [kind, second] : seconds_) {
        if (!second.others || now < second.end)
            continue;
        due.push_back(std::move(*second.others));
        second.others.reset();
    }
    return due;
}

}  // namespace guideway::agent
