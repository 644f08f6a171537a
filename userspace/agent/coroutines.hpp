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
#include <type_traits>

namespace guideway::agent {

/// Runs the work on the pool; the loop goes on meanwhile. g++ 12 destroys a lambda that is given here twice:
/// it is to capture references alone.
template <typename Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> in_pool(boost::asio::thread_pool& pool, Work work) {
    using Made = std::invoke_result_t<Work&>;
    co_return co_await boost::asio::co_spawn(
        pool, [&work]() -> boost::asio::awaitable<Made> { co_return work(); }, boost::asio::use_awaitable);
}

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
