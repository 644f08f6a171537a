// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "control/conditions.hpp"
#include "health/judgement.hpp"
#include "util/result.hpp"

namespace guideway::agent {

/// Of the backends of which it matters.
using Knowledge = std::map<control::BackendId, health::LastKnown>;

/// Where what was judged outlives the agent: `health.json` in its runtime_dir. It holds who was down, also
/// where panic had them serve, and who was flapping. Its times are of the monotonic clock, so that it is of
/// no use after the host has been started again.
class HealthFile {
  public:
    explicit HealthFile(const std::string& runtime_dir) : path_(runtime_dir + "/health.json") {}

    /// A missing file, or one from before the host was started, holds nothing. Errors: it cannot be read, or
    /// is not what write() writes.
    [[nodiscard]] Result<Knowledge> read() const;

    /// Replaces it at once.
    [[nodiscard]] Result<void> write(const Knowledge& known) const;

  private:
    std::string path_;
};

}  // namespace guideway::agent
