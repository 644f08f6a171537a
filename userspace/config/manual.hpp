// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace guideway::config {

/// The manual page guideway.yaml(5), as roff: every key of the table with its type, default and meaning.
[[nodiscard]] std::string manual();

}  // namespace guideway::config
