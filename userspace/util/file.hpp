// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "util/result.hpp"

namespace guideway {

/// The whole file as text. Errors: `read FILE: cause`.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

/// Whether a file may hold a secret. Errors: others than its owner and its group can read it, or others than
/// its owner write it.
[[nodiscard]] Result<void> check_secret_file(const std::string& path);

/// Makes a file that its owner alone can read. Errors: `write FILE: cause`, one that there is already.
[[nodiscard]] Result<void> make_secret_file(const std::string& path, std::string_view text);

/// Replaces a short kernel setting (/proc/sys). Errors: `write FILE: cause`.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view text);

/// Replaces the file, or makes it, in one step. Errors: `write FILE: cause`.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text);

}  // namespace guideway
