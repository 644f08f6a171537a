// SPDX-License-Identifier: Apache-2.0
#include "health/judgement.hpp"

#include <algorithm>

namespace guideway::health {

namespace {
constexpr std::uint32_t kMostDoublings = 16;  ///< 24 h is reached from a second
}

bool Judgement::good(Moment now) {
    auto& [state, flaps] = known_;
    failures_ = 0;
    ++successes_;
    if (state == State::kUp) {
        judged_ = true;
        return false;
    }
    if (state == State::kDown && successes_ < rules_.rise)
        return false;
    judged_ = true;
    if (flaps.held_until && now < *flaps.held_until)
        return false;
    flaps.held_until.reset();
    state = State::kUp;
    flaps.up_since = now;
    return true;
}

bool Judgement::bad(Moment now) {
    successes_ = 0;
    ++failures_;
    if (known_.state == State::kDown) {
        judged_ = true;
        return false;
    }
    if (failures_ < rules_.fall)
        return false;
    judged_ = true;
    go_down(now);
    return true;
}

void Judgement::go_down(Moment now) {
    auto& [state, flaps] = known_;
    const bool was_up = state == State::kUp;
    state = State::kDown;
    if (!was_up)
        return;
    const auto& damping = rules_.damping;
    // A time of holding is no steady time: only one spent up ends a series of holds.
    if (now - flaps.up_since >= damping.within)
        flaps.holds = 0;
    flaps.downs.push_back(now);
    std::erase_if(flaps.downs, [&](Moment down) { return now - down > damping.within; });
    if (flaps.holds == 0 && flaps.downs.size() <= damping.flaps)
        return;
    const auto hold = damping.hold * (1U << std::min(flaps.holds, kMostDoublings));
    flaps.held_until = now + std::min<config::Duration>(hold, damping.max_hold);
    ++flaps.holds;
}

std::string_view name_of(State state) {
    switch (state) {
        case State::kUnknown:
            break;
        case State::kUp:
            return "up";
        case State::kDown:
            return "down";
    }
    return "unknown";
}

}  // namespace guideway::health
