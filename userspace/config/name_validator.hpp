// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/model.hpp"
#include "config/place.hpp"

namespace guideway::config {

/// What is said of a backend by hand is said by its name or its address, in all services at once: neither may
/// mean two hosts. A host may have one name for its IPv4 and its IPv6 address.
void validate_backend_names(const Place& root, const Config& config);

/// `auto` is one interface, whichever it is.
void check_auto_alone(const Place& root, const std::vector<std::string>& interfaces);

}  // namespace guideway::config
