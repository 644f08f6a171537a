// SPDX-License-Identifier: Apache-2.0
#include "maglev/base_table.hpp"

#include <algorithm>
#include <numeric>
#include <string>
#include <utility>

#include "maglev/claims.hpp"
#include "maglev/permutation.hpp"
#include "maglev/turn_order.hpp"

namespace guideway::maglev {

namespace {

struct Identified {
    std::string identity;
    Member member;
};

std::vector<Identified> sorted_by_identity(const std::vector<Member>& members) {
    std::vector<Identified> sorted;
    sorted.reserve(members.size());
    for (const auto& member : members)
        sorted.push_back({member.address.text(), member});
    std::ranges::sort(sorted, {}, &Identified::identity);
    return sorted;
}

}  // namespace

BaseTable BaseTable::build(std::vector<Member> members, std::uint32_t size) {
    BaseTable table;
    std::vector<Permutation> permutations;
    std::vector<std::uint16_t> weights;
    for (const auto& [identity, member] : sorted_by_identity(members)) {
        table.members_.push_back(member);
        table.identity_hashes_.push_back(maglev::identity_hash(identity));
        permutations.push_back(Permutation::of(identity, size));
        weights.push_back(member.weight);
    }
    table.owners_.assign(size, kNobody);
    const auto turns = turn_order(weights, size);
    table.assign(turns, claim_slots(permutations, turns, size));
    return table;
}

void BaseTable::assign(std::span<const std::uint16_t> turns, std::span<const std::uint32_t> claims) {
    first_slot_.assign(members_.size() + 1, 0);
    for (const auto member : turns)
        ++first_slot_[member + 1];
    std::partial_sum(first_slot_.begin(), first_slot_.end(), first_slot_.begin());

    slots_.resize(turns.size());
    auto next_slot = first_slot_;
    for (std::size_t turn = 0; turn < turns.size(); ++turn) {
        owners_[claims[turn]] = turns[turn];
        slots_[next_slot[turns[turn]]++] = claims[turn];
    }
}

}  // namespace guideway::maglev
