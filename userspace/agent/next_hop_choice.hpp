// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "control/desired_state.hpp"
#include "net/next_hops.hpp"

namespace guideway::agent {

/// The backend's next hop as the kernel resolved it, with what the configuration sets instead: its MAC, the
/// outer source, the MTU. Nothing unless it is on one of the interfaces (their indexes) that packets arrive
/// on.
[[nodiscard]] std::optional<net::NextHop> choose_next_hop(
    const config::Config& config, const std::vector<int>& interfaces, const net::Resolution& resolution,
    const std::expected<net::Path, net::NoNextHop>& path, const control::DesiredBackend& backend);

/// Why there is none.
[[nodiscard]] net::NoNextHop why_no_next_hop(const config::Config& config, const net::Resolution& resolution);

}  // namespace guideway::agent
