// SPDX-License-Identifier: Apache-2.0
#include "maglev/claims.hpp"

#include <algorithm>

namespace guideway::maglev {

std::vector<std::uint32_t> claim_slots(std::span<const Permutation> permutations,
                                       std::span<const std::uint16_t> turns, std::uint32_t size) {
    std::vector<Permutation> walks(permutations.begin(), permutations.end());
    std::vector<bool> claimed(size);
    std::vector<std::uint32_t> claims;
    claims.reserve(turns.size());
    for (const auto member : turns) {
        auto& [slot, skip] = walks[member];
        while (claimed[slot])
            slot = std::min(slot + skip, slot + skip - size);
        claimed[slot] = true;
        claims.push_back(slot);
    }
    return claims;
}

}  // namespace guideway::maglev
