// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace guideway {

/// Log to stderr, one line an event: level and text; the service manager adds the time.
void set_up_log();

}  // namespace guideway
