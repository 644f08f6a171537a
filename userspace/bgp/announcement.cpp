// SPDX-License-Identifier: Apache-2.0
#include "bgp/announcement.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace guideway::bgp {

namespace {
using Services = std::vector<const config::Service*>;

std::map<IpAddress, Services> services_by_vip(const config::Config& config) {
    std::map<IpAddress, Services> services;
    for (const auto& service : config.services) {
        for (const auto& listener : service.listeners) {
            auto& sharing = services[listener.vip];
            if (sharing.empty() || sharing.back() != &service)
                sharing.push_back(&service);
        }
    }
    return services;
}

/// Why the service cannot serve; empty if it can.
std::string why_not(const config::Service& service, const ServiceFacts& facts) {
    if (!facts.fault.empty())
        return fmt::format("{}: {}", service.name, facts.fault);
    if (!facts.warmed_up)
        return fmt::format("{}: not every backend has been judged yet", service.name);
    if (facts.healthy < service.announce.min_healthy)
        return fmt::format("{}: {} healthy, min_healthy is {}", service.name, facts.healthy,
                           service.announce.min_healthy);
    return {};
}

std::string why_not(const Services& services, const BalancerFacts& balancer, const FactsOf& facts) {
    if (balancer.withdrawn)
        return "withdrawn by hand";
    if (!balancer.fault.empty())
        return balancer.fault;
    std::string reasons;
    std::size_t unable = 0;
    for (const auto* service : services) {
        const auto reason = why_not(*service, facts(*service));
        unable += reason.empty() ? 0 : 1;
        reasons += (reasons.empty() || reason.empty() ? "" : "; ") + reason;
    }
    const bool all = std::ranges::any_of(
        services, [](const auto* service) { return service->announce.when == config::AnnounceWhen::kAll; });
    return unable == services.size() || (all && unable > 0) ? reasons : "";
}
}  // namespace

std::map<IpAddress, Announcement> decide(const config::Config& config, const BalancerFacts& balancer,
                                         const FactsOf& facts) {
    std::map<IpAddress, Announcement> announcements;
    for (const auto& [vip, services] : services_by_vip(config)) {
        std::vector<const config::RouteAttributes*> sayings;
        for (const auto* service : services)
            sayings.push_back(&service->announce);
        if (config.bgp)
            sayings.push_back(&*config.bgp);
        const auto reason = why_not(services, balancer, facts);
        announcements[vip] = {
            .announced = reason.empty(), .reason = reason, .attributes = attributes_of(vip, sayings)};
    }
    return announcements;
}

Routes routes_of(const std::map<IpAddress, Announcement>& announcements) {
    Routes routes;
    for (const auto& [vip, announcement] : announcements) {
        if (announcement.announced)
            routes[vip] = announcement.attributes;
    }
    return routes;
}

}  // namespace guideway::bgp
