// SPDX-License-Identifier: Apache-2.0
#include "health/pool.hpp"

#include <algorithm>

namespace guideway::health {

namespace {
/// Panic ends at once with this much more than the threshold, in percent of the weight,
constexpr unsigned kMargin = 10;
/// or when the threshold has been reached for so many intervals.
constexpr int kSteadyIntervals = 10;
}  // namespace

void Pool::set_members(const PoolRules& rules, std::span<const PoolMember> members) {
    rules_ = rules;
    std::vector<Member> next;
    next.reserve(members.size());
    for (const auto& member : members) {
        if (const auto place = places_.find(member.backend); place != places_.end()) {
            next.push_back(members_[place->second]);
            next.back().weight = member.weight;
            continue;
        }
        const bool serves =
            member.last_known == State::kUp || (member.last_known == State::kUnknown && !warmed_up_);
        next.push_back({member.backend, member.weight, member.last_known, false, serves});
    }
    members_ = std::move(next);
    places_.clear();
    for (std::size_t i = 0; i < members_.size(); ++i)
        places_.emplace(members_[i].backend, i);
}

void Pool::judge(const IpAddress& backend, State state, bool judged) {
    auto& member = members_[places_.at(backend)];
    member.state = state;
    member.judged = judged;
}

void Pool::set_weight(const IpAddress& backend, std::uint32_t weight) {
    members_[places_.at(backend)].weight = weight;
}

bool Pool::serves(const IpAddress& backend) const {
    const auto place = places_.find(backend);
    return place != places_.end() && members_[place->second].serves;
}

void Pool::update_warm_up() {
    warmed_up_ = warmed_up_ || std::ranges::all_of(members_, &Member::judged);
}

/// True if panic began.
bool Pool::update_panic(Moment now) {
    std::uint64_t known = 0;
    std::uint64_t up = 0;
    for (const auto& member : members_) {
        if (member.state == State::kUnknown && warmed_up_)
            continue;
        known += member.weight;
        up += member.state != State::kDown ? member.weight : 0;
    }
    nobody_known_ = known == 0;
    const bool enough = up * 100 >= known * rules_.panic_threshold_percent;
    if (!panic_) {
        panic_ = !enough;
        enough_since_.reset();
        return panic_;
    }
    if (!enough) {
        enough_since_.reset();
        return false;
    }
    if (!enough_since_)
        enough_since_ = now;
    const unsigned spare = std::min(rules_.panic_threshold_percent + kMargin, 100U);
    const auto steady = *enough_since_ + kSteadyIntervals * rules_.interval;
    panic_ = up * 100 < known * spare && now < steady;
    if (panic_)
        next_settle_ = steady;
    return false;
}

bool Pool::target(const Member& member) const {
    switch (member.state) {
        case State::kUp:
            return true;
        case State::kDown:
            return panic_;
        case State::kUnknown:
            return panic_ || !warmed_up_ || nobody_known_;
    }
    return false;
}

void Pool::move(bool up, std::uint64_t most, std::vector<IpAddress>& changed) {
    for (auto& member : members_) {
        if (member.serves == up || target(member) != up)
            continue;
        if (anyone_moved_ && moved_ + member.weight > most)
            continue;
        member.serves = up;
        moved_ += member.weight;
        anyone_moved_ = true;
        changed.push_back(member.backend);
    }
}

std::vector<IpAddress> Pool::settle(Moment now) {
    next_settle_.reset();
    update_warm_up();
    std::vector<IpAddress> changed;
    if (update_panic(now)) {
        for (auto& member : members_) {
            if (!std::exchange(member.serves, true))
                changed.push_back(member.backend);
        }
        return changed;
    }
    if (now - window_start_ >= rules_.interval) {
        window_start_ = now;
        moved_ = 0;
        anyone_moved_ = false;
    }
    std::uint64_t total = 0;
    for (const auto& member : members_)
        total += member.weight;
    const std::uint64_t most = total * rules_.max_move_percent / 100;
    move(false, most, changed);
    move(true, most, changed);
    const bool all_moved =
        std::ranges::all_of(members_, [&](const Member& member) { return member.serves == target(member); });
    if (const auto next = window_start_ + rules_.interval;
        !all_moved && (!next_settle_ || next < *next_settle_))
        next_settle_ = next;
    return changed;
}

}  // namespace guideway::health
