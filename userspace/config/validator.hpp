// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/model.hpp"
#include "config/place.hpp"

namespace guideway::config {

/// What no key can tell alone: clashes, limits that are set elsewhere in the file, keys that need each other.
/// `root` is what `config` was read from; every list item of the one is an item of the other.
void validate(const Place& root, const Config& config);

}  // namespace guideway::config
