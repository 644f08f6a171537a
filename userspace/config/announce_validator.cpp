// SPDX-License-Identifier: Apache-2.0
#include "config/announce_validator.hpp"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "config/walk.hpp"

namespace guideway::config {

namespace {
using Text = std::optional<std::string>;

Text text_of(const std::optional<std::uint32_t>& number) {
    return number ? Text(std::to_string(*number)) : std::nullopt;
}

Text text_of(const std::optional<RouteNextHop>& next_hop) {
    if (!next_hop)
        return std::nullopt;
    return next_hop->address ? next_hop->address->text() : "self";
}

bool is_any(const IpAddress&) {
    return true;
}

bool is_v4(const IpAddress& vip) {
    return vip.is_v4();
}

bool is_v6(const IpAddress& vip) {
    return !vip.is_v4();
}

/// A key of which a route has one value; communities of several services come beside each other.
struct RouteKey {
    std::string_view name;
    Text (*value)(const RouteAttributes&);  ///< nothing: it is not set
    bool (*is_for)(const IpAddress& vip);
};

constexpr RouteKey kRouteKeys[] = {
    {"med", [](const RouteAttributes& each) { return text_of(each.med); }, is_any},
    {"local_preference", [](const RouteAttributes& each) { return text_of(each.local_preference); }, is_any},
    {"next_hop", [](const RouteAttributes& each) { return text_of(each.next_hop); }, is_v4},
    {"next_hop6", [](const RouteAttributes& each) { return text_of(each.next_hop6); }, is_v6},
};

/// What the first service to say so wants of a VIP's route.
struct Use {
    std::string value;
    std::string_view service;
    std::uint32_t line = 0;
};

class RouteCheck {
  public:
    void operator()(const Place& place, const Service& service) {
        const auto announce = place.find("announce");
        for (const RouteKey& key : kRouteKeys) {
            const auto set = announce ? announce->find(key.name) : std::nullopt;
            const auto value = key.value(service.announce);
            if (set && value)
                check(*set, service, key, *value);
        }
    }

  private:
    /// Reports one VIP of a service; the others are as wrong.
    void check(const Place& set, const Service& service, const RouteKey& key, const std::string& value) {
        bool has_vip = false, is_reported = false;
        for (const Listener& listener : service.listeners) {
            if (!key.is_for(listener.vip) || listener.vip.is_unspecified())
                continue;
            has_vip = true;
            const auto [use, first] =
                uses_.try_emplace({listener.vip, key.name}, Use{value, service.name, set.position().line});
            if (first || use->second.value == value || std::exchange(is_reported, true))
                continue;
            set.error("{} is announced by one route, and {} says {} of it at line {}, not {}",
                      listener.vip.text(), use->second.service, use->second.value, use->second.line, value);
        }
        if (!has_vip && !service.listeners.empty())
            set.warning("it has no effect: the service has no {} VIP",
                        key.name == "next_hop" ? "IPv4" : "IPv6");
    }

    std::map<std::pair<IpAddress, std::string_view>, Use> uses_;
};
}  // namespace

void validate_announcements(const Place& root, const Config& config) {
    walk(root, "services", config.services, RouteCheck());
}

}  // namespace guideway::config
