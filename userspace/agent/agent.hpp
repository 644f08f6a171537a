// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>

#include "config/model.hpp"
#include "control/reconciler.hpp"
#include "datapath/datapath.hpp"
#include "net/next_hops.hpp"
#include "util/exclusive_lock.hpp"

namespace guideway::agent {

struct AgentOptions {
    config::Config config;
    bool detach_on_exit = false;
};

/// The balancer's process: wires configuration, next hops and the kernel together. What it made in the kernel
/// goes on when it ends, however it ends.
class Agent {
  public:
    /// Everything up to forwarding. Errors leave what forwarded before as it was.
    [[nodiscard]] static Result<std::unique_ptr<Agent>> start(AgentOptions options);

    /// Until SIGTERM or SIGINT.
    [[nodiscard]] Result<void> run();

  private:
    Agent(AgentOptions options, ExclusiveLock lock, datapath::Datapath datapath);

    [[nodiscard]] Result<void> follow_next_hops();
    [[nodiscard]] Result<void> apply();
    [[nodiscard]] Result<void> attach();
    [[nodiscard]] std::optional<net::NextHop> next_hop_of(const control::DesiredBackend& backend) const;
    void release_retired_later();

    AgentOptions options_;
    ExclusiveLock runtime_lock_;
    datapath::Datapath datapath_;
    boost::asio::io_context loop_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer grace_timer_;
    std::unique_ptr<net::NextHops> next_hops_;
    control::Reconciler reconciler_;
};

}  // namespace guideway::agent
