// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "util/result.hpp"
#include "util/unique_fd.hpp"

namespace guideway::connections {

struct FloodOptions {
    std::chrono::seconds seconds{10};
    /// SYNs a second; 0: as many as one core can.
    std::uint64_t rate = 0;
    std::uint64_t count = UINT64_MAX;
    /// The first address and the number of leading bits that all sources share. The network must route it
    /// back to where the flood comes from: with rp_filter=1 a router drops other sources, and answers go
    /// somewhere.
    std::string sources;
    std::uint16_t port = 0;
    std::string address;
};

/// Sends SYNs from random sources; returns how many. Ends earlier when `end` is readable.
[[nodiscard]] Result<std::uint64_t> flood(const FloodOptions& options, const UniqueFd& end);

}  // namespace guideway::connections
