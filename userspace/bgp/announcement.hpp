// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "bgp/route.hpp"

namespace guideway::bgp {

/// Whether a service can serve, as its balancer knows.
struct ServiceFacts {
    bool warmed_up = false;     ///< every backend has been judged
    std::uint32_t healthy = 0;  ///< backends that get new flows
    std::uint32_t drained =
        0;  ///< backends that get none only since they are drained, by hand or in the file
    std::uint32_t leaving = 0;  ///< backends that were removed from the file, and are alive
    bool draining = false;      ///< one of the drained or leaving has flows, for `max_drain` at most
    std::string fault{};        ///< why the datapath would not forward for it; empty: proven to
};

/// What holds for all services.
struct BalancerFacts {
    bool withdrawn = false;  ///< by hand
    std::string fault{};     ///< why the datapath forwards nothing; empty: proven to
    /// Since the agent started. At first a fault may only mean that next hops are not known yet.
    std::chrono::milliseconds age = std::chrono::hours(1);
};

using FactsOf = std::function<ServiceFacts(const config::Service&)>;
using Vips = std::set<IpAddress>;

/// Whether a VIP is announced.
struct Announcement {
    bool announced = false;
    std::string reason;  ///< why not: a sentence's end for an operator; empty if it is
    std::string note;    ///< why it is although it serves no new flows; empty: it serves them
    Attributes attributes;
};

/// The decision for every VIP of the configuration: announced once, while any of the services that listen
/// on it can serve, or, if one of them says `when: all`, while all can.
///
/// A service can serve while enough backends are healthy, or would be but for drains, and the drained ones
/// still have flows. What routers have already (`announced`) is not taken away for what is merely not known
/// yet: a service that is not warmed up, a next hop that was not found since the start. Pure.
[[nodiscard]] std::map<IpAddress, Announcement> decide(const config::Config& config,
                                                       const BalancerFacts& balancer, const FactsOf& facts,
                                                       const Vips& announced = {});

/// Whether the decision for every VIP is what it would have been before a restart, so that what a router
/// still holds beyond it may go: every service has been judged and is proven, or has had its time for that
/// since this balancer started (its checks', and three seconds for next hops to be found). Pure.
[[nodiscard]] bool complete(const config::Config& config, const BalancerFacts& balancer,
                            const FactsOf& facts);

/// The routes of those that are announced.
[[nodiscard]] Routes routes_of(const std::map<IpAddress, Announcement>& announcements);
[[nodiscard]] Vips vips_of(const Routes& routes);

}  // namespace guideway::bgp
