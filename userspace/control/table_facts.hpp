// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>

#include "control/service_table.hpp"

namespace guideway::control {

/// What is counted over all slots of a service's table.
struct TableFacts {
    std::string base_digest;
    std::string digest;                            ///< of the serving table
    std::map<std::uint16_t, std::uint32_t> slots;  ///< by backend number; 0 = nobody's
};

[[nodiscard]] TableFacts facts_of(const ServiceTable& table, std::span<const std::uint16_t> slots);

[[nodiscard]] std::map<std::uint16_t, std::uint32_t> count_slots(std::span<const std::uint16_t> slots);

}  // namespace guideway::control
