// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "util/result.hpp"
#include "util/unique_fd.hpp"

namespace guideway {

/// The right to be the only agent on a directory, held until the process ends, however it ends (flock).
class ExclusiveLock {
  public:
    /// Errors: `lock DIR: process 1234 holds it; ...`.
    [[nodiscard]] static Result<ExclusiveLock> take(const std::string& directory);

    /// The same, of a directory that is made where it is missing.
    [[nodiscard]] static Result<ExclusiveLock> make_and_take(const std::string& directory);

    /// The process that has a lock on the directory; nothing if none has, or if it is not to be seen from
    /// here.
    [[nodiscard]] static std::optional<int> holder(const std::string& directory);

    /// Whether it is still about that directory, and not about one that was removed or replaced since.
    [[nodiscard]] bool holds(const std::string& directory) const;

  private:
    explicit ExclusiveLock(UniqueFd fd) : fd_(std::move(fd)) {}

    UniqueFd fd_;
};

}  // namespace guideway
