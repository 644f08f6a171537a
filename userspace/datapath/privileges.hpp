// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "util/result.hpp"

namespace guideway::datapath {

/// Whether this process may load and attach XDP programs; errors name the capabilities that it lacks.
[[nodiscard]] Result<void> check_privileges();

}  // namespace guideway::datapath
