// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "config/model.hpp"

namespace guideway::cli {

/// A backend whose next hop is on an interface that the next configuration does not have.
struct LostWay {
    std::string service, backend, interface;
};

/// Those of the backends that an agent's status and the next configuration both have.
[[nodiscard]] std::vector<LostWay> lost_ways(const nlohmann::ordered_json& status,
                                             const config::Config& next);

}  // namespace guideway::cli
