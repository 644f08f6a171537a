// SPDX-License-Identifier: Apache-2.0
#include "health/pool.hpp"

#include <algorithm>
#include <utility>

namespace guideway::health {

namespace {
/// Panic ends at once with this much more than the threshold, in percent of the weight,
constexpr unsigned kMargin = 10;
/// or when the threshold has been reached for so many intervals.
constexpr int kSteadyIntervals = 10;
}  // namespace

void Pool::set_members(const PoolRules& rules, std::span<const PoolMember> members, Moment now) {
    rules_ = rules;
    const auto state_of = [&](const PoolMember& member) {
        const auto place = places_.find(member.backend);
        return place == places_.end() ? member.last_known : members_[place->second].state;
    };
    const bool nobody_known = std::ranges::all_of(
        members, [&](const PoolMember& member) { return state_of(member) == State::kUnknown; });
    std::vector<Member> next;
    next.reserve(members.size());
    for (const auto& member : members) {
        if (const auto place = places_.find(member.backend); place != places_.end()) {
            next.push_back(members_[place->second]);
            next.back().weight = member.weight;
            continue;
        }
        next.push_back({.backend = member.backend,
                        .weight = member.weight,
                        .state = member.last_known,
                        .serves = member.last_known == State::kUp || nobody_known,
                        .idle_since = now,
                        .bad_since = {}});
    }
    members_ = std::move(next);
    places_.clear();
    for (std::size_t i = 0; i < members_.size(); ++i)
        places_.emplace(members_[i].backend, i);
}

void Pool::judge(const IpAddress& backend, State state) {
    auto& member = members_[places_.at(backend)];
    member.state = state;
    member.awaited = false;
}

bool Pool::excuse(const IpAddress& backend) {
    return std::exchange(members_[places_.at(backend)].awaited, false);
}

void Pool::good(const IpAddress& backend) {
    members_[places_.at(backend)].bad_since.reset();
}

void Pool::not_tried(const IpAddress& backend) {
    members_[places_.at(backend)].in_a_row = false;
}

bool Pool::bad(const IpAddress& backend, Moment began, Moment now) {
    auto& member = members_[places_.at(backend)];
    const auto least = 2 * rules_.interval;
    // One may be due while another is under way. What lies further apart tells nothing of the time between.
    const bool late = began > member.bad_began + rules_.interval * 5 / 2;
    if (!member.bad_since || late || !member.in_a_row)
        member.bad_since = now;
    member.in_a_row = true;
    member.bad_began = began;
    if (member.dead || member.serves || member.state != State::kDown || !others_serve(member))
        return false;
    const auto patience = hurry_ ? least : std::max(rules_.reset_after, least);
    const Moment since = std::max({member.idle_since, *member.bad_since, somebody_since_});
    member.dead = began >= since + patience;
    return member.dead;
}

/// Those that are down, and serve because the cap on moves or panic has them, cannot take over.
bool Pool::others_serve(const Member& member) const {
    return std::ranges::any_of(members_, [&](const Member& other) {
        return other.serves && other.state != State::kDown && other.weight > 0 &&
               other.backend != member.backend;
    });
}

void Pool::set_weight(const IpAddress& backend, std::uint32_t weight) {
    members_[places_.at(backend)].weight = weight;
}

bool Pool::serves(const IpAddress& backend) const {
    const auto place = places_.find(backend);
    return place != places_.end() && members_[place->second].serves;
}

bool Pool::is_dead(const IpAddress& backend) const {
    const auto place = places_.find(backend);
    return place != places_.end() && members_[place->second].dead;
}

void Pool::update_warm_up() {
    warmed_up_ = warmed_up_ || std::ranges::none_of(members_, &Member::awaited);
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
            return panic_ || nobody_known_ || member.serves;
    }
    return false;
}

void Pool::set_serves(Member& member, bool serves, Moment now) {
    member.serves = serves;
    if (serves)
        member.dead = false;
    else
        member.idle_since = now;
}

void Pool::move(bool up, std::uint64_t most, Moment now, std::vector<IpAddress>& changed) {
    for (auto& member : members_) {
        if (member.serves == up || target(member) != up)
            continue;
        if (anyone_moved_ && moved_ + member.weight > most)
            continue;
        set_serves(member, up, now);
        moved_ += member.weight;
        anyone_moved_ = true;
        changed.push_back(member.backend);
    }
}

std::vector<IpAddress> Pool::all_serve(Moment now) {
    std::vector<IpAddress> changed;
    for (auto& member : members_) {
        if (member.serves)
            continue;
        set_serves(member, true, now);
        changed.push_back(member.backend);
    }
    return changed;
}

void Pool::note_whether_anybody_serves(Moment now) {
    const bool somebody = std::ranges::any_of(members_, [](const Member& member) {
        return member.serves && member.state != State::kDown && member.weight > 0;
    });
    if (somebody && !somebody_serves_)
        somebody_since_ = now;
    somebody_serves_ = somebody;
}

std::vector<IpAddress> Pool::settle(Moment now) {
    next_settle_.reset();
    update_warm_up();
    std::vector<IpAddress> changed;
    if (update_panic(now)) {
        changed = all_serve(now);
        note_whether_anybody_serves(now);
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
    move(false, most, now, changed);
    move(true, most, now, changed);
    note_whether_anybody_serves(now);
    const bool all_moved =
        std::ranges::all_of(members_, [&](const Member& member) { return member.serves == target(member); });
    if (const auto next = window_start_ + rules_.interval;
        !all_moved && (!next_settle_ || next < *next_settle_))
        next_settle_ = next;
    return changed;
}

}  // namespace guideway::health
