// SPDX-License-Identifier: Apache-2.0
#include "util/coroutines.hpp"

#include <spdlog/spdlog.h>

#include <exception>

namespace guideway {

void spawn(boost::asio::io_context& loop, boost::asio::awaitable<void> task) {
    boost::asio::co_spawn(loop, std::move(task), [](const std::exception_ptr& error) {
        try {
            if (error)
                std::rethrow_exception(error);
        } catch (const std::exception& caught) {
            spdlog::error("{}", caught.what());
        }
    });
}

}  // namespace guideway
