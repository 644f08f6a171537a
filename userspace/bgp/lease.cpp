// SPDX-License-Identifier: Apache-2.0
#include "bgp/lease.hpp"

#include <algorithm>

namespace guideway::bgp {

namespace {
/// A loop that has not turned for so long is as good as dead; beats come every two seconds.
constexpr std::chrono::seconds kSilence{10};
}  // namespace

void Lease::connected(Time now) {
    connected_ = true;
    knows_ = false;
    heard_ = now;
}

void Lease::beat(bool complete, Time now) {
    heard_ = now;
    knows_ = complete;
    if (complete)
        complete_ = now;
}

void Lease::disconnected(Time now) {
    if (!connected_)
        return;
    const bool was_there = has_agent(now);
    connected_ = false;
    heard_ = was_there ? now : heard_ + kSilence;
    if (was_there && knows_)
        complete_ = now;
}

Lease::Time Lease::lost() const {
    return connected_ ? heard_ + kSilence : heard_;
}

bool Lease::has_agent(Time now) const {
    return connected_ && now < lost();
}

Lease::Time Lease::ends() const {
    const auto held = complete_ == Time::min() ? complete_ : complete_ + hold_;
    return std::max(lost(), held);
}

std::chrono::milliseconds Lease::alone(Time now) const {
    if (has_agent(now))
        return std::chrono::milliseconds(0);
    return std::chrono::duration_cast<std::chrono::milliseconds>(now - lost());
}

}  // namespace guideway::bgp
