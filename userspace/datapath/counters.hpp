// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "datapath/maps.hpp"

namespace guideway::datapath {

/// Sums over all CPUs, since the maps were made.
using VerdictCounts = std::array<abi::verdict_count, abi::VERDICT_MAX>;

[[nodiscard]] Result<abi::service_counters> service_counters(const Maps& maps, std::uint32_t service_number);
[[nodiscard]] Result<abi::traffic> backend_traffic(const Maps& maps, std::uint32_t backend_index);
[[nodiscard]] Result<VerdictCounts> verdict_counts(const Maps& maps);

/// Back to zero, for a number that is given to someone else.
[[nodiscard]] Result<void> clear_service_counters(const Maps& maps, std::uint32_t service_number);
[[nodiscard]] Result<void> clear_backend_traffic(const Maps& maps, std::uint32_t backend_index);

/// For a backend whose entry moves.
[[nodiscard]] Result<void> copy_backend_traffic(const Maps& maps, std::uint32_t from, std::uint32_t to);

}  // namespace guideway::datapath
