// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <memory>
#include <utility>

#include "util/in_pool.hpp"

namespace guideway {

/// An io_context or thread_pool whose waiting handlers, and with them coroutines, can be destroyed while what
/// they refer to still exists. No thread runs it then.
template <typename Context>
class Discardable : public Context {
  public:
    using Context::Context;
    void discard() { Context::shutdown(); }
};
using Loop = Discardable<boost::asio::io_context>;
using Pool = Discardable<boost::asio::thread_pool>;

/// Nothing if it is null.
void log_uncaught(const std::exception_ptr& error);

/// Starts a task of the loop that nobody waits for; what it throws is logged.
template <typename Result>
void spawn(boost::asio::io_context& loop, boost::asio::awaitable<Result> task) {
    boost::asio::co_spawn(loop, std::move(task),
                          [](const std::exception_ptr& error, auto&&...) { log_uncaught(error); });
}

/// Returns when the timer rings or is cancelled.
inline boost::asio::awaitable<void> wait(boost::asio::steady_timer& timer) {
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
}

/// A mutex of the loop's coroutines.
class CoroutineMutex {
  public:
    explicit CoroutineMutex(boost::asio::io_context& loop) : unlocked_(loop) {}

    /// It is locked until what this returns is destroyed.
    [[nodiscard]] boost::asio::awaitable<std::shared_ptr<void>> lock() {
        while (locked_)
            co_await wait(unlocked_);
        locked_ = true;
        unlocked_.expires_at(boost::asio::steady_timer::time_point::max());
        co_return std::shared_ptr<void>(nullptr, [this](void*) {
            locked_ = false;
            unlocked_.cancel();
        });
    }

  private:
    boost::asio::steady_timer unlocked_;
    bool locked_ = false;
};

}  // namespace guideway
