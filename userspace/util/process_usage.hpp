// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace guideway {

/// What this process has used of its host, from /proc/self. What cannot be read is 0.
struct ProcessUsage {
    double cpu_seconds = 0;  ///< user's and system's, of all threads
    double started = 0;      ///< seconds since 1970
    std::uint64_t resident_bytes = 0;
    std::uint64_t virtual_bytes = 0;
    std::uint64_t open_files = 0;
    std::uint64_t max_files = 0;
};

/// Reads a handful of short files, and counts /proc/self/fd.
[[nodiscard]] ProcessUsage process_usage();

}  // namespace guideway
