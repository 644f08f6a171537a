// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <string>

#include "bgp/route.hpp"

namespace guideway::bgp {

/// Whether a service can serve, as its balancer knows.
struct ServiceFacts {
    bool warmed_up = false;     ///< every backend has been judged
    std::uint32_t healthy = 0;  ///< backends
    std::string fault;          ///< why the datapath would not forward for it; empty: proven to
};

/// What holds for all services.
struct BalancerFacts {
    bool withdrawn = false;  ///< by hand
    std::string fault;       ///< why the datapath forwards nothing; empty: proven to
};

using FactsOf = std::function<ServiceFacts(const config::Service&)>;

/// Whether a VIP is announced.
struct Announcement {
    bool announced = false;
    std::string reason;  ///< why not: a sentence's end for an operator; empty if it is
    Attributes attributes;
};

/// The decision for every VIP of the configuration: announced once, while any of the services that listen
/// on it can serve, or, if one of them says `when: all`, while all can. Pure.
[[nodiscard]] std::map<IpAddress, Announcement> decide(const config::Config& config,
                                                       const BalancerFacts& balancer, const FactsOf& facts);

/// Whether the decision for every VIP is what it would have been before a restart, so that what a router
/// still holds beyond it may go: every service has been judged and is proven, or has had its time for that
/// since this balancer started (its checks', and three seconds for next hops to be found). Pure.
[[nodiscard]] bool complete(const config::Config& config, const BalancerFacts& balancer, const FactsOf& facts,
                            std::chrono::milliseconds since_start);

/// The routes of those that are announced.
[[nodiscard]] Routes routes_of(const std::map<IpAddress, Announcement>& announcements);

}  // namespace guideway::bgp
