// SPDX-License-Identifier: Apache-2.0
#include "health/targets.hpp"

namespace guideway::health {

std::vector<ServiceTargets> targets_of(const config::Config& config) {
    std::vector<ServiceTargets> targets;
    for (const auto& service : config.services) {
        if (!service.health)
            continue;
        const auto& listener = service.listeners.front();
        auto& target = targets.emplace_back();
        target.service = service.name;
        target.vip = listener.vip;
        target.encapsulation = service.encapsulation;
        target.health = *service.health;
        target.panic_threshold_percent = service.panic_threshold_percent;
        target.reset_after = service.reset_after;
        const auto port = service.health->port.value_or(listener.port);
        for (const auto& backend : service.backends) {
            const std::uint32_t weight = backend.state == config::BackendState::kUp ? backend.weight : 0;
            target.backends.push_back({backend.address, backend.health_port.value_or(port), weight, {}});
        }
    }
    return targets;
}

}  // namespace guideway::health
