// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "util/result.hpp"

namespace guideway::api {

/// A balancer, and its status as it told it; or why it did not.
struct FleetMember {
    std::string name;
    Result<nlohmann::ordered_json> status;
};

/// Something that balancers of one fleet have to be alike in, and are not.
struct Difference {
    std::string what;     ///< answer, fingerprint, service, configuration, health or table
    std::string service;  ///< empty: of the whole balancer
    std::string backend;  ///< its address; empty: of the whole service
    std::map<std::string, std::vector<std::string>> members;  ///< by what they say
    std::vector<std::string> odd;  ///< those that say something else than most; nobody, if there are no most
};

/// Compares what places flows: fingerprints, tables, and of tables that differ which backends are configured
/// or judged otherwise. Pure. Throws nlohmann's exception of a status that is none.
[[nodiscard]] std::vector<Difference> compare(const std::vector<FleetMember>& members);

}  // namespace guideway::api
