// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/model.hpp"
#include "config/place.hpp"

namespace guideway::config {

/// Reports what of a service's health checks contradicts itself; the place is the service's.
void validate_health(const Place& place, const Service& service);

}  // namespace guideway::config
