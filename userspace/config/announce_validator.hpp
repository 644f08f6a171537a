// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/model.hpp"
#include "config/place.hpp"

namespace guideway::config {

/// A VIP of several services has one route: reports where two of them want it to say different things. Also
/// warns of a next hop of a family in which the service has no VIP.
void validate_announcements(const Place& root, const Config& config);

}  // namespace guideway::config
