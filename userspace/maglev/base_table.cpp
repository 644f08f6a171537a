// SPDX-License-Identifier: Apache-2.0
#include "maglev/base_table.hpp"

#include <algorithm>
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
    table.claims_ = claim_slots(permutations, turn_order(weights, size), size);
    return table;
}

}  // namespace guideway::maglev
