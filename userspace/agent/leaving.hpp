// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>

#include "agent/announcing.hpp"
#include "agent/event_log.hpp"
#include "agent/executors.hpp"
#include "api/routes.hpp"
#include "control/reconciler.hpp"
#include "datapath/maps.hpp"

namespace guideway::agent {

/// Ends the loop when a signal or an operator says so, once the routers have moved away: until then packets
/// still come.
class Leaving {
  public:
    Leaving(Executors& executors, Announcing& announcing, const control::Reconciler& reconciler,
            const datapath::Maps& maps, EventLog& events, bool detach);

    /// SIGTERM and SIGINT: leaves; a second one ends the loop at once. SIGHUP: `on_hangup`.
    void wait_for_signal(std::function<void()> on_hangup);

    /// Leaves, and takes the datapath away in the end.
    [[nodiscard]] boost::asio::awaitable<api::Outcome> detach(api::By by);

    [[nodiscard]] bool detaches() const { return detach_; }

  private:
    [[nodiscard]] boost::asio::awaitable<void> leave();
    [[nodiscard]] boost::asio::awaitable<void> leave_once_answered();
    [[nodiscard]] boost::asio::awaitable<void> until_quiet();

    Executors& executors_;
    Announcing& announcing_;
    const control::Reconciler& reconciler_;
    const datapath::Maps& maps_;
    EventLog& events_;
    boost::asio::signal_set signals_;
    bool detach_;
    bool leaving_ = false;
};

}  // namespace guideway::agent
