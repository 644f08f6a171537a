// SPDX-License-Identifier: Apache-2.0
#include "health/alarm.hpp"

#include <algorithm>

namespace guideway::health {

namespace {
/// What is due within this time of each other rings together.
constexpr std::chrono::milliseconds kGranularity{4};
}  // namespace

void Alarm::at(Moment when, std::uint64_t id) {
    due_.push({when, id});
    if (when < armed_)
        arm();
}

void Alarm::arm() {
    if (due_.empty())
        return;
    armed_ = std::max(due_.top().when, Clock::now() + kGranularity);
    timer_.expires_at(armed_);
    timer_.async_wait([this, alive = std::weak_ptr(alive_)](const boost::system::error_code& error) {
        if (!error && !alive.expired())
            ring_due();
    });
}

void Alarm::ring_due() {
    const Moment now = Clock::now();
    armed_ = Moment::min();  // what is added meanwhile is armed below
    while (!due_.empty() && due_.top().when <= now) {
        const auto id = due_.top().id;
        due_.pop();
        ring_(id);
    }
    armed_ = Moment::max();
    arm();
}

}  // namespace guideway::health
