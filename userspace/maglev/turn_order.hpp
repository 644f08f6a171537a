// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace guideway::maglev {

/// Which member takes each of the first `turns` turns. In rounds, in order, each member adds its weight to
/// its credit; when the credit reaches the largest weight, it pays that and takes a turn. (Table format 1;
/// the paper leaves weights open.) Empty when no member has weight.
[[nodiscard]] std::vector<std::uint16_t> turn_order(std::span<const std::uint16_t> weights,
                                                    std::uint32_t turns);

}  // namespace guideway::maglev
