// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace guideway::config {

/// The annotated configuration, made from the table of keys: every key with its meaning, type and default.
/// Keys without a default, and those whose feature is not built yet, are commented out (`#key: value`).
[[nodiscard]] std::string reference();
/// The same of a backend's file.
[[nodiscard]] std::string backend_reference();

}  // namespace guideway::config
