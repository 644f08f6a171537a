// SPDX-License-Identifier: Apache-2.0
#include "config/health_validator.hpp"

#include <algorithm>

#include "config/scalar.hpp"

namespace guideway::config {

namespace {

/// Any-port listeners tell no port to probe.
bool lacks_port(const Service& service) {
    const Health& health = *service.health;
    return health.check != Check::kIcmp && !health.port && !service.listeners.empty() &&
           service.listeners.front().port == 0 &&
           !std::ranges::all_of(service.backends,
                                [](const Backend& backend) { return backend.health_port.has_value(); });
}

/// Where a key is, or would be.
void report(const Place& place, std::string_view key, const std::string& message) {
    if (const auto value = place.find(key))
        value->error("{}", message);
    else
        place.error("{}", message);
}

}  // namespace

void validate_health(const Place& service_place, const Service& service) {
    const auto place = service_place.find("health");
    if (!place || !service.health)
        return;
    const Health& health = *service.health;
    if (health.timeout > health.interval)
        report(*place, "timeout",
               fmt::format("the timeout of {} is longer than the interval of {}",
                           duration_text(health.timeout), duration_text(health.interval)));
    if (lacks_port(service))
        place->error("the first listener is for any port: set the port to probe");
    if (health.tls_verify && !health.sni && !health.host)
        report(*place, "tls_verify", "sni or host is needed too: the name that the certificate must be for");
    if (health.damping.hold > health.damping.max_hold)
        report(*place, "damping",
               fmt::format("the hold of {} is longer than the max_hold of {}",
                           duration_text(health.damping.hold), duration_text(health.damping.max_hold)));
}

}  // namespace guideway::config
