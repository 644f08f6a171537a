// SPDX-License-Identifier: Apache-2.0
#include "health/judgement.hpp"

#include <algorithm>

namespace guideway::health {

namespace {
constexpr std::uint32_t kMostDoublings = 16;  ///< 24 h is reached from a second
}

bool Judgement::good(Moment now) {
    failures_ = 0;
    ++successes_;
    if (state_ == State::kUp) {
        judged_ = true;
        return false;
    }
    if (state_ == State::kDown && successes_ < rules_.rise)
        return false;
    judged_ = true;
    if (held_until_ && now < *held_until_)
        return false;
    held_until_.reset();
    state_ = State::kUp;
    up_since_ = now;
    return true;
}

bool Judgement::bad(Moment now) {
    successes_ = 0;
    ++failures_;
    if (state_ == State::kDown) {
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
    const bool was_up = state_ == State::kUp;
    state_ = State::kDown;
    if (!was_up)
        return;
    const auto& damping = rules_.damping;
    // A time of holding is no steady time: only one spent up ends a series of holds.
    if (now - up_since_ >= damping.within)
        holds_ = 0;
    downs_.push_back(now);
    while (now - downs_.front() > damping.within)
        downs_.pop_front();
    if (holds_ == 0 && downs_.size() <= damping.flaps)
        return;
    const auto hold = damping.hold * (1U << std::min(holds_, kMostDoublings));
    held_until_ = now + std::min<config::Duration>(hold, damping.max_hold);
    ++holds_;
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
