// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "datapath/attachment.hpp"
#include "datapath/pins.hpp"
#include "util/abi.hpp"

namespace guideway::datapath {

/// What the backend's program unwraps: packets that one of these balancers sent for one of these VIPs.
struct DecapRules {
    std::vector<IpAddress> balancers;
    std::vector<IpAddress> vips;
};

/// Packets by what the program did with them, since its maps were made.
using DecapCounts = std::array<std::uint64_t, abi::DECAP_VERDICT_MAX>;

/// Loads the decap program with these rules and attaches it; maps and link are pinned. What an earlier one
/// left pinned is taken over without a gap.
[[nodiscard]] Result<Attachment> attach_decap(const Pins& pins, const std::string& interface,
                                              const DecapRules& rules);

[[nodiscard]] Result<DecapCounts> decap_counts(const Pins& pins);

}  // namespace guideway::datapath
