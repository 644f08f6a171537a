// SPDX-License-Identifier: Apache-2.0
#include "api/snapshot.hpp"

#include <algorithm>

namespace guideway::api {

std::string_view text(BackendStanding standing) {
    switch (standing) {
        case BackendStanding::kUp:
            return "up";
        case BackendStanding::kSlowStart:
            return "slow_start";
        case BackendStanding::kDrain:
            return "drain";
        case BackendStanding::kDown:
            return "down";
        case BackendStanding::kLeaving:
            break;
    }
    return "leaving";
}

std::string not_ready_because(const Snapshot& snapshot) {
    if (snapshot.interfaces.empty())
        return "attached to no interface";
    for (const auto& interface : snapshot.interfaces) {
        if (!interface.attached)
            return fmt::format("not attached to {}", interface.name);
    }
    if (snapshot.agent && !snapshot.agent->fault.empty())
        return snapshot.agent->fault;
    const auto reachable = [](const BackendSnapshot& backend) { return backend.next_hop.has_value(); };
    for (const auto& service : snapshot.services) {
        if (!service.backends.empty() && std::ranges::none_of(service.backends, reachable))
            return fmt::format("no backend of service '{}' has a next hop", service.name);
        if (!service.fault.empty())
            return fmt::format("service '{}': {}", service.name, service.fault);
        if (service.health && service.health->blind)
            return fmt::format("service '{}': none of its backends can be probed from here", service.name);
    }
    if (snapshot.agent && snapshot.agent->bgp)
        return bgp::why_unheard(snapshot.agent->bgp->speaker);
    return {};
}

}  // namespace guideway::api
