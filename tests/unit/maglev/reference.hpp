// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "maglev/base_table.hpp"

/// Table format 1 written down as plainly as it is defined, without regard for time. It shares no code with
/// userspace/maglev.
namespace guideway::maglev::reference {

struct Base {
    std::vector<Member> members;                    ///< sorted by identity
    std::vector<std::uint64_t> identity_hashes;     ///< of each member
    std::vector<std::uint16_t> owners;              ///< of each slot
    std::vector<std::vector<std::uint32_t>> slots;  ///< of each member, in the order of claiming
};

[[nodiscard]] Base base_table(std::vector<Member> members, std::uint32_t size);

/// The owner of each slot.
[[nodiscard]] std::vector<std::uint16_t> serving_table(const Base& base,
                                                       std::span<const std::uint16_t> availabilities);

}  // namespace guideway::maglev::reference
