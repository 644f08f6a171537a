// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "config/model.hpp"

namespace guideway::control {

/// XXH3_128 over all that decides which slot a packet falls into: hash format, key, and of every service its
/// affinity, table size and sorted listeners. Balancers place flows alike if their fingerprints and the
/// digests of their tables are equal. 32 hex digits.
[[nodiscard]] std::string fingerprint(const config::Config& config);

}  // namespace guideway::control
