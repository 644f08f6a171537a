// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/backend_host.hpp"
#include "config/place.hpp"

namespace guideway::config {

/// What no key of a backend's file can tell alone. `root` is what `host` was read from; every list item of
/// the one is an item of the other, those that could not be read included (an empty name, ::/0).
void validate(const Place& root, const BackendHost& host);

}  // namespace guideway::config
