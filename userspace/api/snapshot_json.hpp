// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "api/snapshot.hpp"

namespace guideway::api {

/// What `status --json` prints.
[[nodiscard]] nlohmann::ordered_json to_json(const Snapshot& snapshot);

/// What `stats --json` prints: packets and bytes by verdict.
[[nodiscard]] nlohmann::ordered_json stats_json(const Snapshot& snapshot);

}  // namespace guideway::api
