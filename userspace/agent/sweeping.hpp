// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <string>

#include "agent/executors.hpp"
#include "agent/health_watch.hpp"
#include "control/reconciler.hpp"
#include "datapath/maps.hpp"

namespace guideway::agent {

/// Goes through the flow records while slots move or flows are recorded: moves end by it, and records of
/// flows that ended are taken away.
class Sweeping {
  public:
    /// `changes`: a mutex, held during a sweep and a reload. `on_swept`: called after each pass.
    Sweeping(Executors& executors, CoroutineMutex& changes, control::Reconciler& reconciler,
             const datapath::Maps& maps, HealthWatch& health, std::function<void()> on_swept);

    /// Begins if there is something to sweep and it has not begun.
    void begin_if_needed();

    /// One pass. The caller has locked `changes`.
    [[nodiscard]] boost::asio::awaitable<Result<void>> sweep();

    /// Why some flows are not recorded, as the last pass found it; empty: all are that should be.
    [[nodiscard]] const std::string& refused_flows() const { return refused_flows_; }

  private:
    [[nodiscard]] boost::asio::awaitable<void> keep_sweeping();
    void note_refused_flows();
    void note_refused_records();

    Executors& executors_;
    CoroutineMutex& changes_;
    control::Reconciler& reconciler_;
    const datapath::Maps& maps_;
    HealthWatch& health_;
    std::function<void()> on_swept_;
    boost::asio::steady_timer timer_;
    bool sweeping_ = false;
    std::string refused_flows_;
};

}  // namespace guideway::agent
