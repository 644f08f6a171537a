// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <memory>

#include "agent/announcer.hpp"
#include "agent/health_watch.hpp"
#include "agent/heartbeat.hpp"
#include "agent/own_health.hpp"
#include "api/routes.hpp"
#include "api/snapshot.hpp"
#include "control/conditions.hpp"
#include "control/reconciler.hpp"
#include "datapath/datapath.hpp"
#include "net/next_hops.hpp"

namespace guideway::agent {

/// Everything that the status tells beside what the kernel holds, as it is on the loop now.
struct StatusParts {
    const config::Config& config;
    const std::uint64_t& generation;  ///< of the configuration: another one is another
    const api::AgentSnapshot& about;
    const datapath::Datapath& datapath;
    const control::Reconciler& reconciler;
    const control::Conditions& conditions;
    const HealthWatch& health;
    const OwnHealth& own_health;
    Heartbeat& heartbeat;
    const Announcer& announcer;
    const std::unique_ptr<net::NextHops>& next_hops;
};

/// Collects what the agent knows, on the loop and in slices, between which the loop goes on with its work.
class StatusSource {
  public:
    StatusSource(boost::asio::io_context& loop, StatusParts parts) : loop_(loop), parts_(parts) {}

    [[nodiscard]] boost::asio::awaitable<api::AgentKnowledge> collect(api::Detail detail) const;

    [[nodiscard]] api::Readiness readiness() const;

  private:
    class Slice;
    [[nodiscard]] boost::asio::awaitable<bool> collect_services(api::Detail detail,
                                                                api::AgentKnowledge& knowledge) const;
    [[nodiscard]] api::KnownBackend known(const config::Service& service, const config::Backend& backend,
                                          const control::ServiceNumbers* numbers) const;
    [[nodiscard]] bool has_next_hop(const control::ServiceNumbers* numbers, const IpAddress& backend) const;
    [[nodiscard]] const control::ServiceNumbers* numbers_of(const std::string& service) const;

    boost::asio::io_context& loop_;
    StatusParts parts_;
};

}  // namespace guideway::agent
