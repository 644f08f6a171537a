// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <vector>

#include "agent/adjusting.hpp"
#include "agent/announcing.hpp"
#include "agent/attaching.hpp"
#include "agent/executors.hpp"
#include "agent/health_watch.hpp"
#include "agent/next_hop_updates.hpp"
#include "agent/remembering.hpp"
#include "agent/running_config.hpp"
#include "agent/snapshots.hpp"
#include "agent/sweeping.hpp"
#include "api/routes.hpp"
#include "api/servers.hpp"
#include "control/conditions.hpp"
#include "control/reconciler.hpp"
#include "datapath/datapath.hpp"

namespace guideway::agent {

/// All that has to follow a configuration.
struct ChangeOverParts {
    Executors& executors;
    RunningConfig& running;
    datapath::Datapath& datapath;
    control::Reconciler& reconciler;
    control::Conditions& conditions;
    HealthWatch& health;
    NextHopUpdates& next_hops;
    Attaching& attaching;
    Adjusting& adjusting;
    Sweeping& sweeping;
    Announcing& announcing;
    Remembering& remembering;
    api::Servers& servers;
    Snapshots& snapshots;
};

/// Goes over to another configuration: whole, or not at all.
class ChangeOver {
  public:
    explicit ChangeOver(ChangeOverParts parts) : parts_(parts) {}

    /// At the start: the kernel follows the running configuration.
    [[nodiscard]] Result<void> begin();

    /// What was wrong, a line each; all is as it was then. The caller has locked `changes` (Sweeping).
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> go_over(const config::Config& next,
                                                                           api::Insistence insistence);

  private:
    /// From services' former names to the next ones, and from services to those whose listeners they take.
    struct Successions {
        control::Renames renames, heirs;
    };
    using Lines = boost::asio::awaitable<std::vector<std::string>>;

    [[nodiscard]] Successions successions_to(const config::Config& next) const;
    [[nodiscard]] control::Overrides inherited(const control::Renames& heirs) const;
    void rename_services(const control::Renames& renames);
    [[nodiscard]] Result<void> probe_next(const config::Config& next, const Successions& successions,
                                          const Knowledge& known);
    void probe_as_before(const Knowledge& known, const control::Renames& renames);

    [[nodiscard]] Lines change(const config::Config& next, control::Overrides overrides,
                               api::Insistence insistence);
    [[nodiscard]] boost::asio::awaitable<std::string> make_ready(const config::Config& next);
    [[nodiscard]] boost::asio::awaitable<bool> remove_first(const control::DesiredState& desired);
    [[nodiscard]] boost::asio::awaitable<void> go_back();
    void commit(const config::Config& config, control::Change change);
    void run_by(const config::Config& next, control::Overrides overrides, control::TimePoint now);

    ChangeOverParts parts_;
};

}  // namespace guideway::agent
