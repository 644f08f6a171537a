// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "maglev/permutation.hpp"
#include "maglev/turn_order.hpp"

namespace guideway::maglev {

/// The owner of a slot that belongs to nobody.
inline constexpr std::uint16_t kNobody = 0xffff;

/// A populated table. Members are indices into the permutations it was populated by.
struct Claims {
    std::vector<std::uint16_t> owners;      ///< of each slot: a member or kNobody
    std::vector<std::uint32_t> slots;       ///< by member, then in the order in which it claimed them
    std::vector<std::uint32_t> first_slot;  ///< of each member in `slots`, and the end
};

/// In each turn its member claims the first slot of its permutation that is still free (Maglev, section 3.4,
/// pseudocode 1). There are `size` (prime) turns, or none: then every slot is nobody's.
[[nodiscard]] Claims claim_slots(std::span<const Permutation> permutations, const TurnOrder& turns,
                                 std::uint32_t size);

}  // namespace guideway::maglev
