// SPDX-License-Identifier: Apache-2.0
#include "bgp/announcement.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace guideway::bgp {

namespace {
using Services = std::vector<const config::Service*>;

/// For next hops to be found after a start.
constexpr std::chrono::seconds kTimeToResolve{3};

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

/// The longest that a verdict on every backend takes, the probes' stagger included.
std::chrono::milliseconds time_to_judge(const config::Health& health) {
    return (std::max(health.rise, health.fall) + 1) * health.interval + health.timeout;
}

/// A backend whose probes cannot even be tried is never judged.
bool may_still_be_judged(const config::Service& service, std::chrono::milliseconds since_start) {
    return service.health && since_start <= kTimeToResolve + time_to_judge(*service.health);
}
}  // namespace

bool complete(const config::Config& config, const BalancerFacts& balancer, const FactsOf& facts,
              std::chrono::milliseconds since_start) {
    const bool resolving = since_start <= kTimeToResolve;
    if (resolving && !balancer.fault.empty())
        return false;
    return std::ranges::none_of(config.services, [&](const config::Service& service) {
        const auto known = facts(service);
        return (resolving && !known.fault.empty()) ||
               (!known.warmed_up && may_still_be_judged(service, since_start));
    });
}

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
