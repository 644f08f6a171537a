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

bool is_http(Check check) {
    return check == Check::kHttp || check == Check::kHttps;
}

bool is_https(Check check) {
    return check == Check::kHttps;
}

bool is_udp(Check check) {
    return check == Check::kUdp;
}

bool has_ports(Check check) {
    return check != Check::kIcmp;
}

bool has_tls_name(const Health& health) {
    return health.sni || health.host;
}

/// A key that asks for something that only some kinds of check do.
struct Ask {
    std::string_view key;
    bool (*is_made)(const Health&);
    bool (*is_heard)(Check);
    std::string_view by;
};

constexpr std::string_view kByHttp = "http and https checks";
constexpr std::string_view kByHttps = "https checks";
constexpr std::string_view kByUdp = "udp checks";
constexpr Ask kAsks[] = {
    {"method", [](const Health& health) { return health.method != Method::kGet; }, is_http, kByHttp},
    {"path", [](const Health& health) { return health.path != "/"; }, is_http, kByHttp},
    {"host", [](const Health& health) { return health.host.has_value(); }, is_http, kByHttp},
    {"expect_status", [](const Health& health) { return !health.expect_status.empty(); }, is_http, kByHttp},
    {"expect_body", [](const Health& health) { return health.expect_body.has_value(); }, is_http, kByHttp},
    {"tls_verify", [](const Health& health) { return health.tls_verify && has_tls_name(health); }, is_https,
     kByHttps},
    {"ca_file", [](const Health& health) { return health.ca_file.has_value(); }, is_https, kByHttps},
    {"sni", [](const Health& health) { return health.sni.has_value(); }, is_https, kByHttps},
    {"alpn", [](const Health& health) { return !health.alpn.empty(); }, is_https, kByHttps},
    {"send", [](const Health& health) { return health.send.has_value(); }, is_udp, kByUdp},
    {"expect", [](const Health& health) { return health.expect.has_value(); }, is_udp, kByUdp},
    {"port", [](const Health& health) { return health.port.has_value(); }, has_ports,
     "checks other than icmp"},
};

std::string_view text(Check check) {
    switch (check) {
        case Check::kTcp:
            return "a tcp check";
        case Check::kHttp:
            return "an http check";
        case Check::kHttps:
            return "an https check";
        case Check::kUdp:
            return "a udp check";
        case Check::kIcmp:
            break;
    }
    return "an icmp check";
}

/// What is not heard would give a wrong idea of what is checked.
void refuse_ignored_keys(const Place& place, const Health& health) {
    for (const Ask& ask : kAsks) {
        const auto key = place.find(ask.key);
        if (key && ask.is_made(health) && !ask.is_heard(health.check))
            key->error("{} ignores it; it is for {}", text(health.check), ask.by);
    }
    const auto body = place.find("expect_body");
    if (body && health.expect_body && is_http(health.check) && health.method == Method::kHead)
        body->error("the answer to HEAD has no body; use GET");
    const auto authorities = place.find("ca_file");
    if (authorities && health.ca_file && is_https(health.check) && !health.tls_verify)
        authorities->error("the certificate is not verified by it without tls_verify: true");
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
    refuse_ignored_keys(*place, health);
    if (health.timeout > health.interval)
        report(*place, "timeout",
               fmt::format("the timeout of {} is longer than the interval of {}",
                           duration_text(health.timeout), duration_text(health.interval)));
    if (lacks_port(service))
        place->error("the first listener is for any port: set the port to probe");
    if (health.tls_verify && !has_tls_name(health))
        report(*place, "tls_verify", "sni or host is needed too: the name that the certificate must be for");
    if (health.damping.hold > health.damping.max_hold)
        report(*place, "damping",
               fmt::format("the hold of {} is longer than the max_hold of {}",
                           duration_text(health.damping.hold), duration_text(health.damping.max_hold)));
}

}  // namespace guideway::config
