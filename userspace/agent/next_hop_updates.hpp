// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <vector>

#include "agent/health_watch.hpp"
#include "agent/running_config.hpp"
#include "control/reconciler.hpp"
#include "datapath/datapath.hpp"
#include "net/next_hops.hpp"

namespace guideway::agent {

/// Keeps the datapath and the probes at what the kernel's routes and neighbours say.
class NextHopUpdates {
  public:
    NextHopUpdates(const RunningConfig& running, const datapath::Datapath& datapath,
                   control::Reconciler& reconciler, HealthWatch& health)
        : running_(running), datapath_(datapath), reconciler_(reconciler), health_(health) {}

    /// Begins to follow what the kernel announces.
    [[nodiscard]] Result<void> begin(boost::asio::io_context& loop);

    /// From now on the way to all these is known, whether they are configured or leaving.
    void follow(const control::Numbering& numbering);

    /// Tells the datapath and the probes, by the running configuration.
    void refresh();
    void tell_probes(const config::Config& config);

    /// Has refresh() called if the kernel has announced something that is not known here yet.
    void catch_up() { next_hops_->catch_up(); }

    /// How packets reach each backend by the configuration, which outlives what this returns.
    [[nodiscard]] control::NextHopOf by(const config::Config& config) const;

    [[nodiscard]] const net::NextHops& known() const { return *next_hops_; }

  private:
    [[nodiscard]] std::vector<int> interfaces_of(const config::Config& config) const;

    const RunningConfig& running_;
    const datapath::Datapath& datapath_;
    control::Reconciler& reconciler_;
    HealthWatch& health_;
    std::unique_ptr<net::NextHops> next_hops_;
};

}  // namespace guideway::agent
