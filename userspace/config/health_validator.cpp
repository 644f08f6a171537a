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

/// A key that only some kinds of check heed.
struct Heeded {
    std::string_view key;
    bool (*is_by)(Check);
    std::string_view by;
};

constexpr std::string_view kByHttp = "http and https checks";
constexpr std::string_view kByHttps = "https checks";
constexpr std::string_view kByUdp = "udp checks";
constexpr Heeded kHeeded[] = {
    {"method", is_http, kByHttp},      {"path", is_http, kByHttp},
    {"host", is_http, kByHttp},        {"expect_status", is_http, kByHttp},
    {"expect_body", is_http, kByHttp}, {"tls_verify", is_https, kByHttps},
    {"ca_file", is_https, kByHttps},   {"sni", is_https, kByHttps},
    {"alpn", is_https, kByHttps},      {"send", is_udp, kByUdp},
    {"expect", is_udp, kByUdp},        {"port", has_ports, "checks other than icmp"},
};

std::string_view name_of(Check check) {
    switch (check) {
        case Check::kTcp:
            return "tcp";
        case Check::kHttp:
            return "http";
        case Check::kHttps:
            return "https";
        case Check::kUdp:
            return "udp";
        case Check::kIcmp:
            break;
    }
    return "icmp";
}

std::string_view article_of(Check check) {
    return check == Check::kTcp || check == Check::kUdp ? "a" : "an";
}

/// A kind of check that could not be read is an error already, and left at the default.
bool is_read(const Place& place, Check check) {
    const auto key = place.find("check");
    const auto* scalar = key ? std::get_if<Scalar>(&key->node().value) : nullptr;
    return !key || (scalar != nullptr && scalar->text == name_of(check));
}

/// What is ignored would give a wrong idea of what is checked, also where it says what holds anyway.
void refuse_ignored_keys(const Place& place, const Health& health) {
    if (!is_read(place, health.check))
        return;
    for (const Heeded& heeded : kHeeded) {
        const auto key = place.find(heeded.key);
        if (key && !heeded.is_by(health.check))
            key->error("{} {} check ignores it; it is for {}", article_of(health.check),
                       name_of(health.check), heeded.by);
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
    if (health.tls_verify && is_https(health.check) && !has_tls_name(health))
        report(*place, "tls_verify", "sni or host is needed too: the name that the certificate must be for");
    if (health.damping.hold > health.damping.max_hold)
        report(*place, "damping",
               fmt::format("the hold of {} is longer than the max_hold of {}",
                           duration_text(health.damping.hold), duration_text(health.damping.max_hold)));
}

}  // namespace guideway::config
