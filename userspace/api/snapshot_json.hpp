// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "api/http_server.hpp"
#include "api/snapshot.hpp"

namespace guideway::api {

/// What `status --json` prints.
[[nodiscard]] nlohmann::ordered_json to_json(const Snapshot& snapshot);

/// The same as text, piece by piece.
[[nodiscard]] std::unique_ptr<BodySource> status_of(std::shared_ptr<const Snapshot> snapshot);

/// What the status page asks for: the status without backends, compact; and of one service, `opened`, these
/// beside it.
[[nodiscard]] std::unique_ptr<BodySource> page_status_of(std::shared_ptr<const Snapshot> snapshot,
                                                         std::optional<ServiceSnapshot> opened);
[[nodiscard]] std::unique_ptr<BodySource> page_table_of(TableSnapshot table);

/// What `stats --json` prints: packets and bytes by verdict.
[[nodiscard]] nlohmann::ordered_json stats_json(const Snapshot& snapshot);

}  // namespace guideway::api
