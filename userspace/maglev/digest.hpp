// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "maglev/base_table.hpp"

namespace guideway::maglev {

/// The digest of a table (table format 1): XXH3_128, seed 0, over the number of slots as a little-endian u32
/// and the 16-byte (v4-mapped) address of every slot's owner, zeros for nobody. 32 hex digits, high half
/// first, as xxhsum prints them. `owners` holds indices into `members` or kNobody.
[[nodiscard]] std::string table_digest(std::span<const Member> members,
                                       std::span<const std::uint16_t> owners);

/// XXH3_128 of a text, seed 0, in the same notation.
[[nodiscard]] std::string text_digest(std::string_view text);

}  // namespace guideway::maglev
