// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "config/model.hpp"
#include "control/conditions.hpp"
#include "util/exclusive_lock.hpp"
#include "util/result.hpp"

namespace guideway::agent {

/// Where what was said by hand outlives the agent and the host's reboots: `overrides.json` in its state
/// directory.
class OverridesFile {
  public:
    /// Makes the directory where it is missing. `runtime_lock`: the agent's, in case both are one directory.
    /// Where the default one cannot be made, the runtime_dir serves, with a warning. Errors: the one that is
    /// configured cannot be made, or another agent has it.
    [[nodiscard]] static Result<OverridesFile> open(const config::Config& config,
                                                    const ExclusiveLock& runtime_lock);

    [[nodiscard]] const std::string& directory() const { return directory_; }

    /// A missing file holds nothing. One that is not what write() writes is put aside, for someone to look
    /// at. Errors: it cannot be read, or was put aside.
    [[nodiscard]] Result<control::Overrides> read() const;

    /// Replaces it at once, and on disk.
    [[nodiscard]] Result<void> write(const control::Overrides& overrides) const;

    /// Writes it again if somebody removed it; true if that was so.
    [[nodiscard]] Result<bool> repair(const control::Overrides& overrides);

  private:
    OverridesFile(std::string directory, std::string runtime_dir, std::optional<ExclusiveLock> lock)
        : directory_(std::move(directory)), runtime_dir_(std::move(runtime_dir)), lock_(std::move(lock)) {}
    [[nodiscard]] std::string path() const { return directory_ + "/overrides.json"; }

    std::string directory_;
    std::string runtime_dir_;            ///< where earlier versions kept it
    std::optional<ExclusiveLock> lock_;  ///< none if the directory is the runtime_dir
};

}  // namespace guideway::agent
