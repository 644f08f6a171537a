// SPDX-License-Identifier: Apache-2.0
#include "control/desired_state.hpp"

namespace guideway::control {

DesiredState desired_state(const config::Config& config) {
    DesiredState state;
    for (const auto& service : config.services) {
        DesiredService desired{
            .name = service.name,
            .affinity_client = service.affinity == config::Affinity::kClient,
            .listeners = service.listeners,
            .backends = {},
        };
        for (const auto& backend : service.backends)
            desired.backends.push_back({{backend.address, backend.weight}, maglev::kFull, backend.mac});
        state.services.push_back(std::move(desired));
    }
    return state;
}

}  // namespace guideway::control
