// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "config/model.hpp"

namespace guideway::control {

/// A keyed digest, under the hash key, of all else that decides which slot a packet falls into: hash format,
/// and of every service its affinity, table size and sorted listeners. It is public, and tells nothing of the
/// key. Balancers place flows alike if their fingerprints and the digests of their tables are equal. 32 hex
/// digits.
[[nodiscard]] std::string fingerprint(const config::Config& config);

}  // namespace guideway::control
