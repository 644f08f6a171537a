// SPDX-License-Identifier: Apache-2.0
#include "maglev/claims.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <utility>

namespace guideway::maglev {

namespace {

using Turns = std::span<const std::uint16_t>;

constexpr std::size_t kMaxAhead = 1024;  ///< turns scouted at once
constexpr std::size_t kFewWaiting = 8;   ///< no longer worth another round of scouting

/// How far a member has come in its permutation: all slots before this one are claimed.
struct Walk {
    std::uint32_t slot = 0;
    std::uint32_t skip = 0;
    std::uint32_t next_claim = 0;  ///< index in Claims::slots
};

/// The slot after `slot` in a permutation. Of both candidates the one out of range is the larger; a division
/// would cost more than the rest of a probe.
std::uint32_t step(std::uint32_t slot, std::uint32_t skip, std::uint32_t size) {
    return std::min(slot + skip, slot + skip - size);
}

/// Populating is M ln M probes at random, each a step that depends on the one before and a branch that cannot
/// be foreseen. So members are sent ahead of their turns, all together and without branches, to slots that
/// are still free; what is claimed stays claimed, so looking ahead skips nothing. Only then the turns are
/// taken, in order.
class Population {
  public:
    Population(std::span<const Permutation> permutations, Turns turns, std::uint32_t size);
    Claims run(Turns turns) &&;

  private:
    void scout(Turns turns);
    Turns scout_one_slot(Turns waiting);
    Turns scout_four_slots(Turns waiting);
    void take(Turns turns);
    void take_last(Turns turns);
    void claim(std::uint16_t member, std::uint32_t slot);

    std::uint32_t size_;
    std::size_t free_;
    std::vector<Walk> walks_;
    std::vector<std::uint16_t> waiting_;
    std::vector<std::uint8_t>
        claimed_;  ///< a byte for each slot: shifting bits out would cost as much as the load
    Claims claims_;
};

Population::Population(std::span<const Permutation> permutations, Turns turns, std::uint32_t size)
    : size_(size), free_(turns.size()), waiting_(kMaxAhead), claimed_(size) {
    claims_.owners.assign(size, kNobody);
    claims_.slots.resize(turns.size());
    auto& first = claims_.first_slot;
    first.assign(permutations.size() + 1, 0);
    for (const auto member : turns)
        ++first[member + 1];
    std::partial_sum(first.begin(), first.end(), first.begin());
    for (std::size_t member = 0; member < permutations.size(); ++member)
        walks_.push_back({permutations[member].offset, permutations[member].skip, first[member]});
}

Claims Population::run(Turns turns) && {
    // The fewer slots are free, the longer the walk to one: M / free probes. From the square root of M on it
    // is cheaper to look at each free slot.
    while (free_ * free_ > size_) {
        const auto ahead = std::min({walks_.size(), kMaxAhead, (free_ + 7) / 8});
        scout(turns.first(ahead));
        take(turns.first(ahead));
        turns = turns.subspan(ahead);
    }
    take_last(turns);
    return std::move(claims_);
}

void Population::scout(Turns turns) {
    const bool mostly_claimed = free_ < size_ / 4;
    const auto advance = mostly_claimed ? &Population::scout_four_slots : &Population::scout_one_slot;
    auto waiting = (this->*advance)(turns);
    while (waiting.size() > kFewWaiting)
        waiting = (this->*advance)(waiting);
}

/// Moves each walk on by one slot if it stands at a claimed one; those that did are still waiting.
Turns Population::scout_one_slot(Turns waiting) {
    const auto size = size_;
    const std::span walks(walks_);
    const std::span claimed_slots(claimed_);
    const std::span still(waiting_);
    std::size_t still_waiting = 0;
    for (const auto member : waiting) {
        auto& walk = walks[member];
        const std::uint32_t claimed = claimed_slots[walk.slot];
        walk.slot = step(walk.slot, walk.skip & -claimed, size);
        still[still_waiting] = member;
        still_waiting += claimed;
    }
    return Turns(waiting_).first(still_waiting);
}

/// The same for up to four slots, whose probes need not wait for each other.
Turns Population::scout_four_slots(Turns waiting) {
    const auto size = size_;
    const std::span walks(walks_);
    const std::span claimed_slots(claimed_);
    const std::span still(waiting_);
    std::size_t still_waiting = 0;
    for (const auto member : waiting) {
        auto& walk = walks[member];
        const auto first = walk.slot;
        const auto second = step(first, walk.skip, size);
        const auto third = step(second, walk.skip, size);
        const auto fourth = step(third, walk.skip, size);
        const auto claimed_first = claimed_slots[first];
        const auto claimed_second = claimed_slots[second];
        const auto claimed_third = claimed_slots[third];
        const std::uint32_t claimed_fourth = claimed_slots[fourth];
        auto slot = step(fourth, walk.skip & -claimed_fourth, size);
        slot = claimed_third ? slot : third;
        slot = claimed_second ? slot : second;
        walk.slot = claimed_first ? slot : first;
        still[still_waiting] = member;
        still_waiting += claimed_first & claimed_second & claimed_third & claimed_fourth;
    }
    return Turns(waiting_).first(still_waiting);
}

void Population::take(Turns turns) {
    const auto size = size_;
    const std::span walks(walks_);
    const std::span claimed(claimed_);
    const std::span owners(claims_.owners);
    const std::span slots(claims_.slots);
    for (const auto member : turns) {
        auto& walk = walks[member];
        auto slot = walk.slot;
        while (claimed[slot])
            slot = step(slot, walk.skip, size);
        claimed[slot] = 1;
        owners[slot] = member;
        slots[walk.next_claim++] = slot;
        walk.slot = step(slot, walk.skip, size);
    }
    free_ -= turns.size();
}

void Population::take_last(Turns turns) {
    std::vector<std::uint32_t> rest;
    for (std::size_t slot = 0; slot < size_ && rest.size() < free_; ++slot)
        if (!claimed_[slot])
            rest.push_back(slot);
    for (const auto member : turns) {
        const auto& walk = walks_[member];
        const PermutationOrder order({.offset = walk.slot, .skip = walk.skip}, size_);
        const auto first =
            std::ranges::min_element(rest, {}, [&](std::uint32_t slot) { return order.key(slot); });
        claim(member, *first);
        *first = rest.back();
        rest.pop_back();
    }
}

void Population::claim(std::uint16_t member, std::uint32_t slot) {
    claimed_[slot] = 1;
    claims_.owners[slot] = member;
    claims_.slots[walks_[member].next_claim++] = slot;
}

}  // namespace

Claims claim_slots(std::span<const Permutation> permutations, Turns turns, std::uint32_t size) {
    return Population(permutations, turns, size).run(turns);
}

}  // namespace guideway::maglev
