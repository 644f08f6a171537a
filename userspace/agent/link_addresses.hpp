// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <vector>

#include "util/mac_address.hpp"
#include "util/result.hpp"

namespace guideway::agent {

/// By the index of each of these interfaces, this host's MAC addresses there; 0 is none.
[[nodiscard]] Result<std::map<int, std::vector<MacAddress>>> link_addresses_of(
    const std::vector<int>& interfaces);

}  // namespace guideway::agent
