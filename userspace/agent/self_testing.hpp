// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>

#include "agent/adjusting.hpp"
#include "agent/attaching.hpp"
#include "agent/event_log.hpp"
#include "agent/executors.hpp"
#include "agent/running_config.hpp"
#include "agent/self_test.hpp"
#include "agent/snapshots.hpp"
#include "agent/sweeping.hpp"
#include "control/reconciler.hpp"
#include "datapath/datapath.hpp"

namespace guideway::agent {

/// Once a second, compares the kernel with what it should hold, repairs it, and tests whether it forwards.
class SelfTesting {
  public:
    /// `on_tested`: called after each test.
    SelfTesting(Executors& executors, const RunningConfig& running, const datapath::Datapath& datapath,
                control::Reconciler& reconciler, Attaching& attaching, const Adjusting& adjusting,
                const Sweeping& sweeping, EventLog& events, Snapshots& snapshots,
                std::function<void()> on_tested);

    void test();
    [[nodiscard]] boost::asio::awaitable<void> keep_testing();

    /// Of the last test.
    [[nodiscard]] const SelfTestResult& result() const { return result_; }

  private:
    void mend_maps();
    void log_changes(const SelfTestResult& before) const;
    void note(const std::string& service, const std::string& fault) const;

    Executors& executors_;
    const RunningConfig& running_;
    const datapath::Datapath& datapath_;
    control::Reconciler& reconciler_;
    Attaching& attaching_;
    const Adjusting& adjusting_;
    const Sweeping& sweeping_;
    EventLog& events_;
    Snapshots& snapshots_;
    std::function<void()> on_tested_;
    SelfTestResult result_;
};

}  // namespace guideway::agent
