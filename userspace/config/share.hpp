// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/model.hpp"

namespace guideway::config {

/// The positions, in the list, of backends that have a weight and get no slot all the same: others' weights
/// are so much larger that the table is full before it is their turn (table format 1, maglev/turn_order.hpp).
[[nodiscard]] std::vector<std::size_t> without_slots(const std::vector<Backend>& backends,
                                                     std::uint32_t table_size);

/// A table size that gives each of these backends a hundred slots, also when there are twice as many; it
/// fills the pages that it takes.
[[nodiscard]] std::uint32_t advised_table_size(const std::vector<Backend>& backends);

/// `; table_size: 4093 would do for 16 backends`, or nothing where it is about right.
[[nodiscard]] std::string table_size_advice(const std::vector<Backend>& backends, std::uint32_t table_size);

}  // namespace guideway::config
