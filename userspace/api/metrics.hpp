// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "api/http_server.hpp"
#include "api/snapshot.hpp"
#include "api/snapshot_reader.hpp"

namespace guideway::api {

inline constexpr const char* kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/// The snapshot in Prometheus's text format, piece by piece: a thousand services of a hundred backends are 60
/// MB. Backends have series of their own if they are asked for: a snapshot may hold more than that.
[[nodiscard]] std::unique_ptr<BodySource> metrics_of(std::shared_ptr<const Snapshot> snapshot, Detail detail);

}  // namespace guideway::api
