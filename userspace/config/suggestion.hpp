// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace guideway::config {

/// `; did you mean 'backends'?` with the word nearest to what was written, or nothing if none is near.
[[nodiscard]] std::string did_you_mean(std::string_view written, const std::vector<std::string_view>& words);

}  // namespace guideway::config
