// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace guideway {

/// Log to stderr, one line an event: level and text; the service manager adds the time. A line that
/// repeats itself is said once in five seconds.
void set_up_log();

}  // namespace guideway
