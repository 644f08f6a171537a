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

/// What is asked of a service, and how.
struct Question {
    const BalancerFacts& balancer;
    bool announced;  ///< routers have the VIP already

    /// What is not known yet keeps a VIP from being announced, not from staying so.
    [[nodiscard]] bool heeds(const std::string& fault) const {
        return !fault.empty() && !(announced && balancer.age <= kTimeToResolve);
    }
};

/// Drains alone keep the service from having enough healthy backends, and have not ended.
bool is_draining(const config::Service& service, const ServiceFacts& facts) {
    const auto least = service.announce.min_healthy;
    return facts.draining && facts.healthy < least && facts.healthy + facts.drained + facts.leaving >= least;
}

std::string why_too_few(const config::Service& service, const ServiceFacts& facts) {
    if (service.backends.empty())
        return "it has no backends";
    if (facts.drained >= service.backends.size())
        return "all backends are drained";
    const auto drained = facts.drained == 0 ? "" : fmt::format(", {} drained", facts.drained);
    return fmt::format("{} healthy{}, min_healthy is {}", facts.healthy, drained,
                       service.announce.min_healthy);
}

/// Why the service cannot serve; empty if it can.
std::string why_not(const config::Service& service, const ServiceFacts& facts, const Question& question) {
    if (question.heeds(facts.fault))
        return fmt::format("{}: {}", service.name, facts.fault);
    if (!facts.warmed_up && !question.announced)
        return fmt::format("{}: not every backend has been judged yet", service.name);
    if (facts.healthy < service.announce.min_healthy && !is_draining(service, facts))
        return fmt::format("{}: {}", service.name, why_too_few(service, facts));
    return {};
}

/// The first of a list, and how many more there are: a VIP may have thousands of services.
class ShortList {
  public:
    explicit ShortList(const char* separator) : separator_(separator) {}

    void add(const std::string& item) {
        if (count_++ < kNamed)
            text_ += (text_.empty() ? "" : separator_) + item;
    }
    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] std::string text() const {
        return count_ <= kNamed ? text_ : fmt::format("{}{}and {} more", text_, separator_, count_ - kNamed);
    }

  private:
    static constexpr std::size_t kNamed = 5;

    std::string separator_;
    std::string text_;
    std::size_t count_ = 0;
};

/// The services' part in the decision for a VIP.
struct Verdicts {
    std::size_t unable = 0;
    ShortList reasons{"; "};   ///< of those that are not able
    ShortList draining{", "};  ///< of those that are able, the ones that only drain
    bool some_serve = false;

    [[nodiscard]] bool announced(const Services& services) const {
        const bool all = std::ranges::any_of(services, [](const auto* service) {
            return service->announce.when == config::AnnounceWhen::kAll;
        });
        return unable < services.size() && (unable == 0 || !all);
    }
};

Verdicts ask(const Services& services, const FactsOf& facts_of, const Question& question) {
    Verdicts verdicts;
    for (const auto* service : services) {
        const auto facts = facts_of(*service);
        if (const auto reason = why_not(*service, facts, question); !reason.empty()) {
            ++verdicts.unable;
            verdicts.reasons.add(reason);
        } else if (is_draining(*service, facts)) {
            verdicts.draining.add(service->name);
        } else {
            verdicts.some_serve = true;
        }
    }
    return verdicts;
}

/// Where there are routers, but none takes routes of the VIP's family.
std::string why_no_peer(const config::Config& config, const IpAddress& vip) {
    const auto family = config::family_of(vip);
    const auto takes = [family](const config::Peer& peer) {
        const auto families = config::families_of(peer);
        return std::ranges::find(families, family) != families.end();
    };
    if (!config.bgp || config.bgp->peers.empty() || std::ranges::any_of(config.bgp->peers, takes))
        return {};
    const bool v4 = family == config::Family::kIpv4;
    return fmt::format(
        "no peer takes IPv{0} routes: add an IPv{0} peer, or give one `families: [ipv4, ipv6]` and all {1}",
        v4 ? 4 : 6, v4 ? "`next_hop`" : "`next_hop6`");
}

Announcement decide(const config::Config& config, const IpAddress& vip, const Services& services,
                    const FactsOf& facts, const Question& question) {
    Announcement made;
    const auto& balancer = question.balancer;
    if (balancer.withdrawn) {
        made.reason = "withdrawn by hand";
    } else if (auto no_peer = why_no_peer(config, vip); !no_peer.empty()) {
        made.reason = std::move(no_peer);
    } else if (question.heeds(balancer.fault)) {
        made.reason = balancer.fault;
    } else {
        const auto verdicts = ask(services, facts, question);
        made.announced = verdicts.announced(services);
        if (!made.announced)
            made.reason = verdicts.reasons.text();
        else if (!verdicts.some_serve && !verdicts.draining.empty())
            made.note = fmt::format("{}: only drained backends are left; announced while they have flows",
                                    verdicts.draining.text());
    }
    return made;
}

/// The longest that a verdict on every backend takes, the probes' stagger included.
std::chrono::milliseconds time_to_judge(const config::Health& health) {
    return (std::max(health.rise, health.fall) + 1) * health.interval + health.timeout;
}

/// A backend whose probes cannot even be tried is never judged.
bool may_still_be_judged(const config::Service& service, std::chrono::milliseconds age) {
    return service.health && age <= kTimeToResolve + time_to_judge(*service.health);
}
}  // namespace

bool complete(const config::Config& config, const BalancerFacts& balancer, const FactsOf& facts) {
    const bool resolving = balancer.age <= kTimeToResolve;
    if (resolving && !balancer.fault.empty())
        return false;
    return std::ranges::none_of(config.services, [&](const config::Service& service) {
        const auto known = facts(service);
        return (resolving && !known.fault.empty()) ||
               (!known.warmed_up && may_still_be_judged(service, balancer.age));
    });
}

std::map<IpAddress, Announcement> decide(const config::Config& config, const BalancerFacts& balancer,
                                         const FactsOf& facts, const Vips& announced) {
    std::map<IpAddress, Announcement> announcements;
    for (const auto& [vip, services] : services_by_vip(config)) {
        std::vector<const config::RouteAttributes*> by_precedence;
        for (const auto* service : services)
            by_precedence.push_back(&service->announce);
        if (config.bgp)
            by_precedence.push_back(&*config.bgp);
        auto made = decide(config, vip, services, facts, {balancer, announced.contains(vip)});
        made.attributes = attributes_of(vip, by_precedence);
        announcements[vip] = std::move(made);
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

Vips vips_of(const Routes& routes) {
    Vips vips;
    for (const auto& [vip, attributes] : routes)
        vips.insert(vip);
    return vips;
}

}  // namespace guideway::bgp
