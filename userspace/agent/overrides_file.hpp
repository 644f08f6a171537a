// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "control/conditions.hpp"
#include "util/result.hpp"

namespace guideway::agent {

/// Where what was said by hand outlives the agent: `overrides.json` in its runtime_dir.
class OverridesFile {
  public:
    explicit OverridesFile(const std::string& runtime_dir) : path_(runtime_dir + "/overrides.json") {}

    /// A missing file holds nothing. Errors: it cannot be read, or is not what write() writes.
    [[nodiscard]] Result<control::Overrides> read() const;

    /// Replaces it at once.
    [[nodiscard]] Result<void> write(const control::Overrides& overrides) const;

  private:
    std::string path_;
};

}  // namespace guideway::agent
