// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "util/result.hpp"

namespace guideway::cli {

/// Puts the name of the interface that this host's default route leads through (the IPv4 one, if there are
/// two) in the place of `auto`. Errors: there is no such route.
[[nodiscard]] Result<void> find_own_interface(std::vector<std::string>& interfaces);

}  // namespace guideway::cli
