// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "util/result.hpp"

namespace guideway::bgp {

/// Whether the program that a pinned link attached is still on its interface. Needs no capability where the
/// pin belongs to this process's user. Errors: why not.
[[nodiscard]] Result<void> check_link(const std::string& pin);

/// The same of all.
[[nodiscard]] Result<void> check_links(const std::vector<std::string>& pins);

}  // namespace guideway::bgp
