// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>
#include <string>

#include "agent/announcer.hpp"
#include "agent/health_watch.hpp"
#include "agent/next_hop_updates.hpp"
#include "agent/running_config.hpp"
#include "agent/self_test.hpp"
#include "api/routes.hpp"
#include "api/snapshot.hpp"
#include "control/conditions.hpp"
#include "control/reconciler.hpp"
#include "datapath/datapath.hpp"
#include "util/heartbeat.hpp"

namespace guideway::agent {

/// Everything that the status tells beside what the kernel holds, as it is on the loop now.
struct StatusParts {
    boost::asio::io_context& loop;
    const RunningConfig& running;
    api::AgentSnapshot about;  ///< what does not change
    const datapath::Datapath& datapath;
    const control::Reconciler& reconciler;
    const control::Conditions& conditions;
    const HealthWatch& health;
    const NextHopUpdates& next_hops;
    const SelfTestResult& self_test;
    const Announcer& announcer;
    const api::ReloadHistory& reloads;
    Heartbeat& heartbeat;
};

/// Of this process.
[[nodiscard]] api::AgentSnapshot about_agent(std::string version, const std::string& config_file,
                                             const datapath::Datapath& datapath);

/// Collects what the agent knows, on the loop and in slices, between which the loop goes on with its work.
class StatusSource {
  public:
    explicit StatusSource(StatusParts parts) : parts_(std::move(parts)) {}

    [[nodiscard]] boost::asio::awaitable<api::AgentKnowledge> collect(api::Detail detail) const;
    /// Of that service alone, with its backends.
    [[nodiscard]] boost::asio::awaitable<api::AgentKnowledge> collect_service(std::string name) const;

    [[nodiscard]] boost::asio::awaitable<api::Readiness> readiness() const;

  private:
    class Slice;
    /// `only`: nothing of the others.
    [[nodiscard]] boost::asio::awaitable<bool> collect_services(
        api::Detail detail, api::AgentKnowledge& knowledge,
        std::optional<std::string> only = std::nullopt) const;
    [[nodiscard]] api::KnownBackend known(const config::Service& service, const config::Backend& backend,
                                          const control::ServiceNumbers* numbers) const;
    [[nodiscard]] bool has_next_hop(const control::ServiceNumbers* numbers, const IpAddress& backend) const;
    [[nodiscard]] const control::ServiceNumbers* numbers_of(const std::string& service) const;

    StatusParts parts_;
};

}  // namespace guideway::agent
