// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/servers.hpp"
#include "backend/host.hpp"
#include "backend/peers.hpp"
#include "backend/routes.hpp"
#include "backend/snapshot.hpp"
#include "util/coroutines.hpp"
#include "util/file_watch.hpp"
#include "util/heartbeat.hpp"

namespace guideway::backend {

/// A file's configuration, or what is wrong in it, a line each.
using LoadedHost = std::expected<config::BackendHost, std::vector<std::string>>;

struct HelperOptions {
    config::BackendHost config;
    std::string config_file;           ///< empty: the configuration came from the command line
    FileState read_state;              ///< of the file, when it was read last
    std::function<LoadedHost()> load;  ///< reads the file again
    std::string version;
    bool detach_on_exit = false;
};

/// The signal that has it end as with detach_on_exit.
inline constexpr int kUndoAndEnd = SIGUSR1;

/// The process that keeps a host a backend until SIGTERM or SIGINT: repairs it each second, follows its file,
/// and tells how it is. Decap and VIPs stay when it ends, unless detach_on_exit.
class Helper {
  public:
    /// The host is a backend when this returns.
    [[nodiscard]] static Result<std::unique_ptr<Helper>> start(HelperOptions options);
    ~Helper();
    Helper(const Helper&) = delete;
    Helper& operator=(const Helper&) = delete;

    [[nodiscard]] Result<void> run();

  private:
    Helper(HelperOptions options, std::unique_ptr<Host> host);

    [[nodiscard]] Result<void> open();
    [[nodiscard]] HelperPort port();
    void wait_for_signal();
    void end(int signal);
    [[nodiscard]] boost::asio::awaitable<void> keep_repairing();
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> reload(api::By by);
    [[nodiscard]] boost::asio::awaitable<void> reload_if_changed();
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> reload_to(LoadedHost loaded, api::By by);
    [[nodiscard]] boost::asio::awaitable<std::vector<std::string>> change_to(const config::BackendHost& next);
    [[nodiscard]] std::shared_ptr<const Snapshot> snapshot();

    HelperOptions options_;
    Loop loop_{1};
    Pool files_{1};  ///< for what a file system may hold up
    std::unique_ptr<Host> host_;
    std::unique_ptr<Peers> peers_;
    HelperSnapshot about_;
    boost::asio::signal_set signals_;
    CoroutineMutex reloading_;
    Heartbeat heartbeat_{"the helper", "unwrapping"};
    api::Servers servers_;
    std::unique_ptr<FileWatch> file_;
    std::shared_ptr<const Snapshot> snapshot_;  ///< the latest one
    std::chrono::steady_clock::time_point snapshot_made_;
    bool undo_ = false;  ///< at the end
};

}  // namespace guideway::backend
