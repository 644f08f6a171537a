// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "util/result.hpp"

namespace guideway {

/// The whole file as text. Errors: `read FILE: cause`.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

/// Replaces a short kernel setting (/proc/sys). Errors: `write FILE: cause`.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view text);

/// Replaces the file, or makes it, in one step. Errors: `write FILE: cause`.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text);

}  // namespace guideway
