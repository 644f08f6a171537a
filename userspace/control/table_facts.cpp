// SPDX-License-Identifier: Apache-2.0
#include "control/table_facts.hpp"

#include <vector>

#include "maglev/digest.hpp"
#include "util/abi.hpp"

namespace guideway::control {

TableFacts facts_of(const ServiceTable& table, std::span<const std::uint16_t> slots) {
    const auto& base = table.serving().base();
    return {
        .base_digest = maglev::table_digest(base.members(), base.owners()),
        .digest = maglev::table_digest(base.members(), table.serving().owners()),
        .slots = count_slots(slots),
    };
}

std::map<std::uint16_t, std::uint32_t> count_slots(std::span<const std::uint16_t> slots) {
    std::vector<std::uint32_t> counts(abi::SLOT_BACKEND + 1);
    for (const std::uint16_t slot : slots)
        ++counts[slot & abi::SLOT_BACKEND];
    std::map<std::uint16_t, std::uint32_t> owned;
    for (std::size_t number = 0; number < counts.size(); ++number) {
        if (counts[number] > 0)
            owned[static_cast<std::uint16_t>(number)] = counts[number];
    }
    return owned;
}

}  // namespace guideway::control
