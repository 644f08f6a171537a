// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace guideway::config {

/// The manual page guideway.yaml(5), as roff: every key of the table with its type, default and meaning.
[[nodiscard]] std::string manual();
/// The manual page guideway-backend.yaml(5).
[[nodiscard]] std::string backend_manual();

}  // namespace guideway::config
