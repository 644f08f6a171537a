// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace guideway::cli {

/// Prints what the agent did, and by whom it says it was ordered.
void print_done(const nlohmann::ordered_json& result);

/// Has the agent obey: `drain`, `withdraw`, ... Prints what it did, or what it says against it; the exit
/// status that says so.
[[nodiscard]] int give_order(const std::string& runtime_dir, const std::string& order,
                             const std::string& body = {});

}  // namespace guideway::cli
