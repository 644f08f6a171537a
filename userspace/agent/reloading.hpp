// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/adjusting.hpp"
#include "agent/change_over.hpp"
#include "agent/event_log.hpp"
#include "agent/executors.hpp"
#include "agent/running_config.hpp"
#include "agent/snapshots.hpp"
#include "api/routes.hpp"
#include "api/snapshot.hpp"
#include "util/file_watch.hpp"

namespace guideway::agent {

/// Reads the configuration file when it changes, or when somebody asks, and has the agent go over to it.
class Reloading {
  public:
    /// `changes`: locked while one goes on.
    Reloading(Executors& executors, CoroutineMutex& changes, ConfigSource source,
              const RunningConfig& running, ChangeOver& change_over, Adjusting& adjusting, EventLog& events,
              Snapshots& snapshots);

    /// From now on the file is read again when its writer has closed it.
    [[nodiscard]] Result<void> watch_file();

    /// If something is wrong, the running configuration goes on.
    [[nodiscard]] boost::asio::awaitable<api::Outcome> reload(api::Insistence insistence, api::By by);

    [[nodiscard]] const std::string& file() const { return source_.file; }
    [[nodiscard]] const api::ReloadHistory& history() const { return history_; }

  private:
    [[nodiscard]] boost::asio::awaitable<void> reload_if_changed();
    [[nodiscard]] boost::asio::awaitable<api::Outcome> reload_to(const LoadedConfig& loaded,
                                                                 api::Insistence insistence, api::By by);
    [[nodiscard]] boost::asio::awaitable<void> give_memory_back();
    [[nodiscard]] api::Outcome note(std::vector<std::string> errors, api::By by);

    Executors& executors_;
    CoroutineMutex& changes_;
    ConfigSource source_;
    const RunningConfig& running_;
    ChangeOver& change_over_;
    Adjusting& adjusting_;
    EventLog& events_;
    Snapshots& snapshots_;
    std::unique_ptr<FileWatch> file_;
    api::ReloadHistory history_;
};

}  // namespace guideway::agent
