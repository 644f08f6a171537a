// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "util/result.hpp"

namespace guideway::cli {

/// Whether it is the status of a backend host, and not of a balancer.
[[nodiscard]] bool is_backend_status(const nlohmann::ordered_json& status);

void print_backend_status(const nlohmann::ordered_json& status);

/// Whether a command that is told nothing is about a backend: there is one on this host, and no balancer.
[[nodiscard]] bool only_a_backend_is_here();

}  // namespace guideway::cli
