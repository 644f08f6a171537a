// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <string>

#include "agent/next_hop_updates.hpp"
#include "agent/running_config.hpp"
#include "agent/snapshots.hpp"
#include "datapath/datapath.hpp"
#include "net/link_watch.hpp"
#include "util/complaint.hpp"

namespace guideway::agent {

/// Keeps the program attached to the interfaces, and their MAC addresses known to it.
class Attaching {
  public:
    Attaching(const RunningConfig& running, datapath::Datapath& datapath, NextHopUpdates& next_hops,
              Snapshots& snapshots)
        : running_(running), datapath_(datapath), next_hops_(next_hops), snapshots_(snapshots) {}

    /// From now on repair() is called when the kernel announces a change of a link.
    [[nodiscard]] Result<void> watch_links(boost::asio::io_context& loop);

    /// To all of the configuration's interfaces or to none.
    [[nodiscard]] Result<void> attach(const config::Config& config);

    /// Brings back what somebody, or an interface that vanished, took away from the kernel.
    void repair();

  private:
    [[nodiscard]] Result<void> learn_link_addresses(const config::Config& config);

    const RunningConfig& running_;
    datapath::Datapath& datapath_;
    NextHopUpdates& next_hops_;
    Snapshots& snapshots_;
    std::unique_ptr<net::LinkWatch> links_;
    Complaint address_trouble_;  ///< this host's MAC addresses may be others than the datapath knows
};

}  // namespace guideway::agent
