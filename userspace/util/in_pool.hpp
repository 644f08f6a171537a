// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <type_traits>

namespace guideway {

/// Runs the work on the pool; the caller resumes on its own executor. Lambdas must capture references alone,
/// as g++ 12 destroys them twice.
template <typename Work>
boost::asio::awaitable<std::invoke_result_t<Work&>> in_pool(boost::asio::thread_pool& pool, Work work) {
    using Made = std::invoke_result_t<Work&>;
    co_return co_await boost::asio::co_spawn(
        pool, [&work]() -> boost::asio::awaitable<Made> { co_return work(); }, boost::asio::use_awaitable);
}

}  // namespace guideway
