// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "util/coroutines.hpp"

namespace guideway::agent {

/// What the agent's work runs on: the loop for all that decides, pools for what would keep it from that.
struct Executors {
    Loop loop{1};
    Pool computing{1};
    Pool files{1};  ///< for what a file system may hold up
};

}  // namespace guideway::agent
