// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "util/result.hpp"

namespace guideway {

/// No file that is read is larger: a thousand services of a hundred backends each take 10 MB.
constexpr std::size_t kLargestFile = std::size_t{64} << 20;

/// The whole file as text. It must be a regular one of at most kLargestFile bytes: what another process could
/// make this one wait for (a FIFO, a device) is refused. Errors: `read FILE: cause`.
[[nodiscard]] Result<std::string> read_file(const std::string& path);

/// The same of what a process was given to read: `/dev/stdin` and `/dev/fd/N` may be pipes, and are read to
/// their end.
[[nodiscard]] Result<std::string> read_input(const std::string& path);

/// What tells one state of a file from another without reading it. Links are followed.
struct FileState {
    bool present = false;
    std::uint64_t device = 0, inode = 0, size = 0;
    std::int64_t modified = 0, changed = 0;  ///< nanoseconds since 1970
    /// Whether some process has it open for writing; nothing where its file system does not tell.
    std::optional<bool> being_written;

    bool operator==(const FileState&) const = default;
};

/// Never waits for a writer. What cannot be looked at is not present.
[[nodiscard]] FileState look_at_file(const std::string& path);

/// Whether a file may hold a secret. Errors: another user than root and this one owns it, others than its
/// owner and its group can read it, or others than its owner write it.
[[nodiscard]] Result<void> check_secret_file(const std::string& path);

/// Makes a file that its owner alone can read. Errors: `write FILE: cause`, one that there is already.
[[nodiscard]] Result<void> make_secret_file(const std::string& path, std::string_view text);

/// Replaces a short kernel setting (/proc/sys). Errors: `write FILE: cause`.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view text);

/// Replaces the file, or makes it, in one step: a reader finds the old text or the new one, also after a
/// crash. `rights`: the new one's, where the umask allows. Errors: `write FILE: cause`.
[[nodiscard]] Result<void> replace_file(const std::string& path, std::string_view text, mode_t rights = 0600);

}  // namespace guideway
