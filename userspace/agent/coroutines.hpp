// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <memory>

#include "util/in_pool.hpp"

namespace guideway::agent {

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

/// Lets one of the loop's coroutines through at a time; the others wait.
class Turnstile {
  public:
    explicit Turnstile(boost::asio::io_context& loop) : freed_(loop) {}

    /// The way is taken until what this returns is destroyed.
    [[nodiscard]] boost::asio::awaitable<std::shared_ptr<void>> enter() {
        while (taken_)
            co_await freed_.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
        taken_ = true;
        freed_.expires_at(boost::asio::steady_timer::time_point::max());
        co_return std::shared_ptr<void>(nullptr, [this](void*) {
            taken_ = false;
            freed_.cancel();
        });
    }

  private:
    boost::asio::steady_timer freed_;
    bool taken_ = false;
};

}  // namespace guideway::agent
