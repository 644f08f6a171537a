// SPDX-License-Identifier: Apache-2.0
#include "maglev/claims.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <numeric>
#include <utility>

#include "maglev/fraction.hpp"

namespace guideway::maglev {

namespace {

using Turns = std::span<const std::uint16_t>;

constexpr std::size_t kMinAhead = 16;  ///< turns to scout at once
constexpr std::size_t kMaxAhead = 1024;
constexpr std::size_t kFewWaiting = 8;  ///< not worth another round of scouting

/// How far a member has come in its permutation: every slot before this one is claimed.
struct Walk {
    std::uint64_t place = 0;  ///< as fractions of the table
    std::uint64_t skip = 0;
};

/// Fills a table: members are sent ahead of their turns to slots that are still free, many at a time and
/// without branches; then the turns are taken in order, most of them by the first probe. docs/proofs.md shows
/// that this changes no claim.
class Population {
  public:
    Population(std::span<const Permutation> permutations, const TurnOrder& turns, std::uint32_t size);
    Claims claims() &&;

  private:
    void scout(Turns turns);
    Turns scout_one_slot(Turns waiting);
    Turns scout_four_slots(Turns waiting);
    void take(Turns turns);
    void take_last(Turns turns);
    [[nodiscard]] std::vector<std::uint32_t> free_slots() const;

    std::span<const Permutation> permutations_;
    Turns turns_;  ///< not yet taken
    std::uint32_t size_;
    Fractions fractions_;
    std::size_t turns_per_round_;
    std::vector<Walk> walks_;
    std::vector<std::uint16_t> waiting_;
    std::vector<std::uint8_t> claimed_;      ///< bytes: to pick a bit would cost as much as a probe
    std::vector<std::uint32_t> next_claim_;  ///< of each member, an index in Claims::slots
    Claims claims_;
};

Population::Population(std::span<const Permutation> permutations, const TurnOrder& turns, std::uint32_t size)
    : permutations_(permutations),
      turns_(turns.members),
      size_(size),
      fractions_(size),
      turns_per_round_(size / std::ranges::max(turns.counts)),
      waiting_(kMaxAhead),
      claimed_(size) {
    walks_.reserve(permutations.size());
    for (const auto& [offset, skip] : permutations)
        walks_.push_back({fractions_.of(offset), fractions_.of(skip)});
    claims_.owners.resize(size);
    claims_.slots.resize(size);
    claims_.first_slot.resize(permutations.size() + 1);
    std::partial_sum(turns.counts.begin(), turns.counts.end(), claims_.first_slot.begin() + 1);
    next_claim_ = claims_.first_slot;
}

Claims Population::claims() && {
    // A walk to a free slot takes M / free probes, so from the square root of M on it is cheaper to look at
    // every free slot instead.
    while (turns_.size() * turns_.size() > size_) {
        const auto ahead =
            std::min(std::clamp(turns_per_round_, kMinAhead, kMaxAhead), (turns_.size() + 7) / 8);
        scout(turns_.first(ahead));
        take(turns_.first(ahead));
        turns_ = turns_.subspan(ahead);
    }
    take_last(turns_);
    return std::move(claims_);
}

void Population::scout(Turns turns) {
    const bool mostly_claimed = turns_.size() < size_ / 8;
    const auto scout_further = mostly_claimed ? &Population::scout_four_slots : &Population::scout_one_slot;
    auto waiting = (this->*scout_further)(turns);
    while (waiting.size() > kFewWaiting)
        waiting = (this->*scout_further)(waiting);
}

/// Moves each walk on by a slot if it stands at a claimed one; those that moved are still waiting.
Turns Population::scout_one_slot(Turns waiting) {
    const auto fractions = fractions_;
    const std::span walks(walks_);
    const std::span claimed(claimed_);
    const std::span still_waiting(waiting_);
    std::size_t count = 0;
    for (const auto member : waiting) {
        auto& walk = walks[member];
        const std::uint64_t moves = claimed[fractions.slot_at(walk.place)];
        walk.place += walk.skip & -moves;
        still_waiting[count] = member;
        count += moves;
    }
    return still_waiting.first(count);
}

/// The same by up to four slots, whose probes need not wait for each other.
Turns Population::scout_four_slots(Turns waiting) {
    const auto fractions = fractions_;
    const std::span walks(walks_);
    const std::span claimed(claimed_);
    const std::span still_waiting(waiting_);
    std::size_t count = 0;
    for (const auto member : waiting) {
        auto& walk = walks[member];
        const auto first = walk.place;
        const auto second = first + walk.skip;
        const auto third = second + walk.skip;
        const auto fourth = third + walk.skip;
        const auto first_claimed = claimed[fractions.slot_at(first)];
        const auto second_claimed = claimed[fractions.slot_at(second)];
        const auto third_claimed = claimed[fractions.slot_at(third)];
        const auto fourth_claimed = claimed[fractions.slot_at(fourth)];
        auto place = fourth_claimed ? fourth + walk.skip : fourth;
        place = third_claimed ? place : third;
        place = second_claimed ? place : second;
        walk.place = first_claimed ? place : first;
        still_waiting[count] = member;
        count += first_claimed & second_claimed & third_claimed & fourth_claimed;
    }
    return still_waiting.first(count);
}

void Population::take(Turns turns) {
    const auto fractions = fractions_;
    const std::span walks(walks_);
    const std::span claimed(claimed_);
    const std::span owners(claims_.owners);
    const std::span slots(claims_.slots);
    const std::span next_claim(next_claim_);
    for (const auto member : turns) {
        auto [place, skip] = walks[member];
        while (claimed[fractions.slot_at(place)])
            place += skip;
        walks[member].place = place + skip;
        const auto slot = fractions.slot_at(place);
        claimed[slot] = 1;
        owners[slot] = member;
        slots[next_claim[member]++] = slot;
    }
}

void Population::take_last(Turns turns) {
    auto rest = free_slots();
    for (const auto member : turns) {
        const PermutationOrder order(permutations_[member], size_);
        std::size_t first = 0;
        auto first_key = order.key(rest[0]);
        for (std::size_t index = 1; index < rest.size(); ++index)
            if (const auto key = order.key(rest[index]); key < first_key) {
                first = index;
                first_key = key;
            }
        claims_.owners[rest[first]] = member;
        claims_.slots[next_claim_[member]++] = rest[first];
        rest[first] = rest.back();
        rest.pop_back();
    }
}

std::vector<std::uint32_t> Population::free_slots() const {
    const auto* const begin = claimed_.data();
    const auto* const end = begin + claimed_.size();
    const auto find = [&](const std::uint8_t* from) {
        return static_cast<const std::uint8_t*>(std::memchr(from, 0, end - from));
    };
    std::vector<std::uint32_t> slots;
    for (const auto* slot = find(begin); slot != nullptr; slot = find(slot + 1))
        slots.push_back(static_cast<std::uint32_t>(slot - begin));
    return slots;
}

}  // namespace

Claims claim_slots(std::span<const Permutation> permutations, const TurnOrder& turns, std::uint32_t size) {
    if (turns.members.empty())
        return {.owners = std::vector(size, kNobody),
                .slots = {},
                .first_slot = std::vector<std::uint32_t>(permutations.size() + 1)};
    return Population(permutations, turns, size).claims();
}

}  // namespace guideway::maglev
