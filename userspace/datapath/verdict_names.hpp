// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "util/abi.hpp"

namespace guideway::datapath {

/// A verdict's stable name (the metric label) and what it says to people.
struct VerdictName {
    abi::verdict verdict;
    std::string_view name;
    std::string_view meaning;        ///< of the packet: "not for a VIP"
    std::string_view in_production;  ///< whether that is expected there, and what to do if not
};

/// Every verdict of the datapath, in order.
[[nodiscard]] std::span<const VerdictName> verdict_names();
[[nodiscard]] std::string_view verdict_name(abi::verdict verdict);

/// What a verdict does with the packet: `pass`, `tx`, `redirect` or `drop`.
[[nodiscard]] std::string_view verdict_action(abi::verdict verdict);

}  // namespace guideway::datapath
