// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>

#include "agent/executors.hpp"
#include "agent/health_file.hpp"
#include "agent/health_watch.hpp"
#include "agent/overrides_file.hpp"
#include "agent/running_config.hpp"
#include "api/servers.hpp"
#include "control/conditions.hpp"
#include "util/complaint.hpp"
#include "util/exclusive_lock.hpp"

namespace guideway::agent {

/// Keeps on disk what must outlive the agent, and the directories that it stands in.
class Remembering {
  public:
    /// `orders`: a mutex, held while an operator's order is carried out.
    Remembering(Executors& executors, CoroutineMutex& orders, const RunningConfig& running,
                ExclusiveLock runtime_lock, OverridesFile overrides, const control::Conditions& conditions,
                const HealthWatch& health, api::Servers& servers);

    [[nodiscard]] const OverridesFile& overrides_file() const { return overrides_file_; }
    [[nodiscard]] const HealthFile& health_file() const { return health_file_; }

    /// Before they hold: an agent that is restarted must not forget them.
    [[nodiscard]] boost::asio::awaitable<Result<void>> remember(control::Overrides overrides);

    /// Together with what else is judged about now.
    void remember_health_soon();
    /// When the loop runs no more.
    void remember_health();

    /// Once a second, what is on disk is compared with what should be. Nothing waits for it: a file system
    /// may hang.
    [[nodiscard]] boost::asio::awaitable<void> keep_repairing();

  private:
    [[nodiscard]] boost::asio::awaitable<void> remember_health_later();
    [[nodiscard]] boost::asio::awaitable<Result<bool>> repair_runtime_dir();
    [[nodiscard]] boost::asio::awaitable<void> repair_overrides();

    Executors& executors_;
    CoroutineMutex& orders_;
    const RunningConfig& running_;
    ExclusiveLock runtime_lock_;
    OverridesFile overrides_file_;
    HealthFile health_file_;
    const control::Conditions& conditions_;
    const HealthWatch& health_;
    api::Servers& servers_;
    Complaint runtime_trouble_, overrides_trouble_;
    bool health_is_due_ = false;
};

}  // namespace guideway::agent
