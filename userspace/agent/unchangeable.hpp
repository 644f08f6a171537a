// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/model.hpp"

namespace guideway::agent {

/// What a reload may not change, with the reason, a line each: sizes of maps that packets read, and what
/// would move nearly all flows.
[[nodiscard]] std::vector<std::string> unchangeable(const config::Config& running,
                                                    const config::Config& next);

}  // namespace guideway::agent
