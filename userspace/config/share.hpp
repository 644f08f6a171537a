// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "config/model.hpp"

namespace guideway::config {

/// The positions, in the list, of backends that have a weight and get no slot all the same: others' weights
/// are so much larger that the table is full before it is their turn (table format 1, maglev/turn_order.hpp).
[[nodiscard]] std::vector<std::size_t> without_slots(const std::vector<Backend>& backends,
                                                     std::uint32_t table_size);

}  // namespace guideway::config
