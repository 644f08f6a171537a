// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace guideway {

/// Log to stderr, one line an event: level and text; the service manager adds the time. A line that repeats
/// itself is said once in five seconds. Whoever reads stderr is never waited for: what does not fit into the
/// pipe is lost, and counted. From any thread.
void set_up_log();

}  // namespace guideway
