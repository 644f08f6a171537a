// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/adjusting.hpp"
#include "agent/change_over.hpp"
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
              const RunningConfig& running, ChangeOver& change_over, Adjusting& adjusting,
              Snapshots& snapshots);

    /// From now on the file is read again when its writer has closed it.
    [[nodiscard]] Result<void> watch_file();

    /// What was wrong, a line each; the running configuration goes on then.
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> reload(api::Insistence insistence);

    [[nodiscard]] const std::string& file() const { return source_.file; }
    [[nodiscard]] const api::ReloadHistory& history() const { return history_; }

  private:
    [[nodiscard]] boost::asio::awaitable<void> reload_if_changed();
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> reload_to(const LoadedConfig& loaded,
                                                                             api::Insistence insistence);
    [[nodiscard]] boost::asio::awaitable<void> give_memory_back();
    void note(const std::vector<std::string>& errors);

    Executors& executors_;
    CoroutineMutex& changes_;
    ConfigSource source_;
    const RunningConfig& running_;
    ChangeOver& change_over_;
    Adjusting& adjusting_;
    Snapshots& snapshots_;
    std::unique_ptr<FileWatch> file_;
    api::ReloadHistory history_;
};

}  // namespace guideway::agent
