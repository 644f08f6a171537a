// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>

namespace guideway::agent {

/// Tells other threads, and the service manager (sd_notify's watchdog), that the loop turns.
class Heartbeat {
  public:
    /// Beats from now on, on the loop.
    [[nodiscard]] boost::asio::awaitable<void> keep_beating(boost::asio::io_context& loop);

    /// Why the loop is not to be waited for; empty if it has turned within seconds. From any thread.
    [[nodiscard]] std::string stalled() const;

  private:
    using Clock = std::chrono::steady_clock;
    std::atomic<Clock::rep> last_{Clock::now().time_since_epoch().count()};
};

}  // namespace guideway::agent
