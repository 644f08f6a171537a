// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "api/metric_family.hpp"
#include "api/snapshot.hpp"

namespace guideway::api {

/// Asks the kernel for the link of each interface that there is.
void look_at_links(std::vector<InterfaceSnapshot>& interfaces);

void add_links(Families& families, const std::vector<InterfaceSnapshot>& interfaces);

}  // namespace guideway::api
