// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/model.hpp"
#include "health/judgement.hpp"

namespace guideway::health {

/// A backend to be probed for a service.
struct BackendTarget {
    IpAddress address;
    std::uint16_t port = 0;
    std::uint32_t weight = 0;  ///< 0 for one that is to be drained or down: panic does not count it
    LastKnown last_known;      ///< by an earlier agent; looked at once, where it is new
};

/// A service whose backends are probed.
struct ServiceTargets {
    std::string service;
    std::string formerly;  ///< its name so far, if it was followed under another one
    IpAddress vip;         ///< through tunnels, probes go to this one
    config::Encapsulation encapsulation = config::Encapsulation::kIpip;  ///< of the traffic
    config::Health health;
    unsigned panic_threshold_percent = 50;
    config::Duration reset_after{5000};
    std::vector<BackendTarget> backends;
};

/// The services of a configuration that have health checks.
[[nodiscard]] std::vector<ServiceTargets> targets_of(const config::Config& config);

}  // namespace guideway::health
