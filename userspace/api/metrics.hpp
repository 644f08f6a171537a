// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "api/snapshot.hpp"

namespace guideway::api {

/// A snapshot in Prometheus' text format.
[[nodiscard]] std::string metrics_text(const Snapshot& snapshot);

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace guideway::api
