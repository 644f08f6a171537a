// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace guideway {

/// Log to stderr, one line an event: level and text, for the journal with its prefix (sd-daemon(3)); on a
/// terminal with the time of day. What is below `level` (debug, info, warning, error) is left out. A line
/// that repeats itself is said once in five seconds. Whoever reads stderr is never waited for: what does not
/// fit into the pipe is lost, and counted. From any thread.
void set_up_log(const std::string& level = "info");

}  // namespace guideway
