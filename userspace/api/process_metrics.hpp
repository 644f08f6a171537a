// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "api/metric_family.hpp"
#include "util/process_usage.hpp"

namespace guideway::api {

/// Under the names that Prometheus's client libraries give them.
void add_process(Families& families, const ProcessUsage& usage);

}  // namespace guideway::api
