// SPDX-License-Identifier: Apache-2.0
#include "control/slot_history.hpp"

#include <algorithm>
#include <utility>

namespace guideway::control {

using datapath::HopNumber;

namespace {
std::chrono::milliseconds between(TimePoint begin, TimePoint end) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(end - begin);
}

std::size_t hops_in(const abi::chance_list& list) {
    return static_cast<std::size_t>(std::ranges::find(list.hops, 0) - std::begin(list.hops));
}
}  // namespace

SlotHistory::SlotHistory(std::span<abi::chance_list> lists, const Settings& settings, IsIpv4 is_ipv4,
                         Revision revision, TimePoint now)
    : lists_(lists),
      settings_(settings),
      is_ipv4_(std::move(is_ipv4)),
      former_(lists.size()),
      owners_(lists.size()),
      since_(lists.size(), now),
      changed_(lists.size()),
      left_out_(lists.size()) {
    revision_ = std::move(revision);
    std::ranges::fill(lists_, abi::chance_list{});
    counts_.slots[0] = static_cast<std::uint32_t>(lists.size());
}

void SlotHistory::configure(const Settings& settings) {
    if (std::exchange(settings_, settings) == settings)
        return;
    for (std::uint32_t slot = 0; slot < former_.size(); ++slot)
        store(slot);
}

void SlotHistory::move(std::uint32_t slot, HopNumber to, TimePoint now) {
    const HopNumber from = std::exchange(owners_[slot], to);
    if (from == to)
        return;
    if (from != 0)
        static_cast<void>(remember(slot, {from, now, between(since_[slot], now)}));
    auto& former = former_[slot];
    const auto returned = std::ranges::find(former, to, &FormerOwner::hop);
    since_[slot] = now;
    if (to != 0 && returned != former.end()) {
        since_[slot] -= returned->tenure;
        former.erase(returned);
        --remembered_;
    }
    changed_[slot] = *revision_;
    store(slot);
}

void SlotHistory::merge(std::uint32_t slot, const SlotPast& past, TimePoint now) {
    auto news = News::kNone;
    for (const auto& former : past.former)
        news = std::max(news, remember(slot, former));
    if (past.owner != 0 && past.owner != owners_[slot])
        news = std::max(news, remember(slot, {past.owner, now, between(past.since, now)}));
    else if (past.owner != 0)
        since_[slot] = std::min(since_[slot], past.since);
    if (news == News::kOwner)
        changed_[slot] = *revision_;
    if (news != News::kNone)
        store(slot);
}

/// Adds or updates a former owner: the latest end, the longest tenure.
SlotHistory::News SlotHistory::remember(std::uint32_t slot, const FormerOwner& former) {
    auto& known = former_[slot];
    if (former.hop == 0 || former.hop == owners_[slot])
        return News::kNone;
    const auto same = std::ranges::find(known, former.hop, &FormerOwner::hop);
    if (same != known.end()) {
        same->ended = std::max(same->ended, former.ended);
        if (former.tenure <= same->tenure)
            return News::kNone;
        same->tenure = former.tenure;
        return News::kTenure;
    }
    known.push_back(former);
    ++remembered_;
    if (known.size() > kRemembered) {
        known.erase(std::ranges::min_element(known, {}, &FormerOwner::ended));
        --remembered_;
    }
    return News::kOwner;
}

std::vector<std::uint32_t> SlotHistory::refresh(std::set<HopNumber> dead, TimePoint now) {
    const bool dead_changed = std::exchange(dead_, std::move(dead)) != dead_;
    std::vector<std::uint32_t> changed;
    for (std::uint32_t slot = 0; slot < former_.size(); ++slot) {
        auto& former = former_[slot];
        if (former.empty())
            continue;
        const auto gone = std::erase_if(
            former, [&](const FormerOwner& each) { return each.ended + settings_.max_drain <= now; });
        remembered_ -= static_cast<std::uint32_t>(gone);
        if (gone == 0 && !dead_changed)
            continue;
        store(slot);
        changed.push_back(slot);
    }
    return changed;
}

std::vector<FormerOwner> SlotHistory::eligible(std::uint32_t slot) const {
    std::vector<FormerOwner> named;
    const HopNumber owner = owners_[slot];
    for (const auto& former : former_[slot]) {
        if (owner != 0 && !dead_.contains(former.hop) && is_ipv4_(former.hop) == is_ipv4_(owner))
            named.push_back(former);
    }
    std::ranges::stable_sort(named, std::greater{}, &FormerOwner::tenure);
    return named;
}

void SlotHistory::store(std::uint32_t slot) {
    abi::chance_list list{};
    const auto named = eligible(slot);
    const auto count = std::min(named.size(), room_for(owners_[slot]));
    for (std::size_t i = 0; i < count; ++i)
        list.hops[i] = named[i].hop;
    --counts_.slots[hops_in(lists_[slot])];
    ++counts_.slots[count];
    counts_.left_out -= std::exchange(left_out_[slot], static_cast<std::uint8_t>(named.size() - count));
    counts_.left_out += left_out_[slot];
    datapath::store_list(lists_[slot], list);
}

std::size_t SlotHistory::room_for(HopNumber owner) const {
    return owner == 0 || is_ipv4_(owner) ? settings_.max_hops
                                         : std::min<unsigned>(settings_.max_hops, abi::CHANCE_HOPS_IPV6_MAX);
}

SlotPast SlotHistory::past(std::uint32_t slot) const {
    return {owners_[slot], since_[slot], former_[slot]};
}

std::vector<std::uint32_t> SlotHistory::changed_since(std::uint32_t revision) const {
    std::vector<std::uint32_t> slots;
    for (std::uint32_t slot = 0; slot < changed_.size(); ++slot) {
        if (revision == 0 || changed_[slot] > revision)
            slots.push_back(slot);
    }
    return slots;
}

}  // namespace guideway::control
