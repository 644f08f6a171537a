// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace guideway::cli {

/// Has the agent obey: `drain`, `withdraw`, ... Prints what it says against it; the exit status that says so.
[[nodiscard]] int give_order(const std::string& runtime_dir, const std::string& order,
                             const std::string& body = {});

}  // namespace guideway::cli
