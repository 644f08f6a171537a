// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

namespace guideway::cli {

/// The status's part about routers, for people to read.
void print_bgp(const nlohmann::ordered_json& status);

}  // namespace guideway::cli
