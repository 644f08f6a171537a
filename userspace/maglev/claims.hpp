// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "maglev/permutation.hpp"

namespace guideway::maglev {

/// The slot claimed in each turn: the first of the member's permutation that is still free (Maglev, section 3.4,
/// pseudocode 1). `turns` holds one index into `permutations` for each of the `size` (prime) slots.
[[nodiscard]] std::vector<std::uint32_t> claim_slots(std::span<const Permutation> permutations,
                                                     std::span<const std::uint16_t> turns, std::uint32_t size);

}  // namespace guideway::maglev
