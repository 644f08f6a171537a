// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>

#include "agent/executors.hpp"
#include "agent/next_hop_updates.hpp"
#include "agent/running_config.hpp"
#include "agent/snapshots.hpp"
#include "control/conditions.hpp"
#include "control/reconciler.hpp"

namespace guideway::agent {

/// Makes the kernel follow the backends' conditions: who went down or came up, who is drained, how far slow
/// starts are.
class Adjusting {
  public:
    /// `on_adjusted`: called after each adjustment.
    Adjusting(Executors& executors, const RunningConfig& running, control::Conditions& conditions,
              control::Reconciler& reconciler, NextHopUpdates& next_hops, Snapshots& snapshots,
              std::function<void()> on_adjusted);

    /// At once; while something computes it is done when that ends.
    void adjust();

    /// Until what this returns is destroyed, the reconciler is the caller's, but for sweeps and next hops.
    [[nodiscard]] boost::asio::awaitable<std::shared_ptr<void>> compute();
    [[nodiscard]] bool is_computing() const { return is_computing_; }

    /// Returns when the kernel follows all conditions.
    [[nodiscard]] boost::asio::awaitable<void> settled();

  private:
    [[nodiscard]] boost::asio::awaitable<void> adjust_beside();
    void step_later();

    Executors& executors_;
    const RunningConfig& running_;
    control::Conditions& conditions_;
    control::Reconciler& reconciler_;
    NextHopUpdates& next_hops_;
    Snapshots& snapshots_;
    std::function<void()> on_adjusted_;
    CoroutineMutex computing_;            ///< for what computes with the reconciler's state beside the loop
    bool is_computing_ = false;           ///< something does, or is about to
    boost::asio::steady_timer adjusted_;  ///< never rings; cancelled when the kernel follows all conditions
    boost::asio::steady_timer step_timer_;
};

}  // namespace guideway::agent
