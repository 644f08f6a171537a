// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace guideway {

/// Tells other threads, and the service manager (sd_notify's watchdog), that the loop turns.
class Heartbeat {
  public:
    /// `whose` loop it is, and what goes on when it stands still, for stalled().
    Heartbeat(std::string whose, std::string goes_on)
        : whose_(std::move(whose)), goes_on_(std::move(goes_on)) {}
    Heartbeat() : Heartbeat("the agent", "forwarding") {}

    /// Beats from now on, on the loop.
    [[nodiscard]] boost::asio::awaitable<void> keep_beating(boost::asio::io_context& loop);

    /// Why the loop is not to be waited for; empty if it has turned within seconds. From any thread.
    [[nodiscard]] std::string stalled() const;

    /// The most that a beat was late since the last call, or the start.
    [[nodiscard]] std::chrono::nanoseconds take_latest() {
        return std::chrono::nanoseconds(latest_.exchange(0));
    }

  private:
    using Clock = std::chrono::steady_clock;
    std::string whose_, goes_on_;
    std::atomic<Clock::rep> last_{Clock::now().time_since_epoch().count()};
    std::atomic<std::int64_t> latest_{0};  ///< nanoseconds
};

}  // namespace guideway
