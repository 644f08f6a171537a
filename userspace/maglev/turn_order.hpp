// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace guideway::maglev {

/// Who takes which turn.
struct TurnOrder {
    std::vector<std::uint16_t> members;  ///< of each turn
    std::vector<std::uint32_t> counts;   ///< turns of each member
};

/// The first `turns` turns of members with these weights. In rounds, in order, each member adds its weight to
/// its credit; when the credit reaches the largest weight, it pays that and takes a turn. (Table format 1;
/// the paper leaves weights open.) Without weight nobody takes a turn.
[[nodiscard]] TurnOrder turn_order(std::span<const std::uint16_t> weights, std::uint32_t turns);

}  // namespace guideway::maglev
