// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "maglev/serving_table.hpp"

namespace guideway::control {

/// What the kernel shall hold for one backend of a service.
struct DesiredBackend {
    maglev::Member member;
    maglev::Availability availability = maglev::kFull;
    std::optional<MacAddress> mac;  ///< the next hop's, instead of the one the kernel resolves

    bool operator==(const DesiredBackend&) const = default;
};

struct DesiredService {
    std::string name;
    bool affinity_client = false;
    std::vector<config::Listener> listeners;
    std::vector<DesiredBackend> backends;

    bool operator==(const DesiredService&) const = default;
};

/// What the kernel shall hold. Pure data, made from the configuration; the reconciler makes it so.
struct DesiredState {
    std::vector<DesiredService> services;
};

[[nodiscard]] DesiredState desired_state(const config::Config& config);

}  // namespace guideway::control
