// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/model.hpp"
#include "config/place.hpp"

namespace guideway::config {

/// What of a service has no effect, or one that is probably not meant.
void validate_service(const Place& place, const Service& service, const Config& config);

}  // namespace guideway::config
