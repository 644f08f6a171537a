// SPDX-License-Identifier: Apache-2.0
#include "health/known_way.hpp"

namespace guideway::health {

namespace {
using Cause = net::NoNextHop::Cause;

bool is_silent(const NextHopOrReason& next_hop) {
    return !next_hop && next_hop.error().cause == Cause::kSilent;
}
}  // namespace

bool KnownWay::set(const NextHopOrReason& next_hop) {
    if (next_hop == next_hop_)
        return false;
    const bool fell_silent = next_hop_.has_value() && is_silent(next_hop);
    const bool answers_again = is_silent(next_hop_) && next_hop.has_value();
    if (!fell_silent && !answers_again)
        ++changes_;
    next_hop_ = next_hop;
    return true;
}

std::optional<Outcome> KnownWay::trouble() const {
    if (next_hop_)
        return std::nullopt;
    return is_silent(next_hop_) ? Outcome::silence(next_hop_.error().reason)
                                : Outcome::not_tried(next_hop_.error().reason);
}

}  // namespace guideway::health
