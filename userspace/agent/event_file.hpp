// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/event.hpp"
#include "util/result.hpp"

namespace guideway::agent {

/// Where events outlive the agent: `events.jsonl` in a directory, a line each. When it has enough lines it
/// takes the name `events.1.jsonl`, in the place of the one before, so that the two have as many as are kept
/// at least and twice as many at most.
class EventFile {
  public:
    explicit EventFile(std::string directory, std::size_t kept);

    struct Read {
        std::vector<api::Event> events;   ///< the latest ones, as many as are kept
        std::size_t broken = 0;           ///< lines that are none: cut off, or somebody else's
        std::vector<std::string> errors;  ///< why a file could not be read
    };
    /// Missing files hold nothing.
    [[nodiscard]] Read read();

    /// Adds whole lines, each with its newline; several at once. Errors: `write FILE: no space left`, and
    /// then none of them is there.
    [[nodiscard]] Result<void> append(std::string_view lines);

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    [[nodiscard]] Result<void> rotate_if_full();

    std::string path_, former_path_;
    std::size_t kept_;
    std::size_t lines_ = 0;  ///< in path_
};

}  // namespace guideway::agent
