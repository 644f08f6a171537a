// SPDX-License-Identifier: Apache-2.0
#include "util/coroutines.hpp"

#include <spdlog/spdlog.h>

namespace guideway {

void log_uncaught(const std::exception_ptr& error) {
    try {
        if (error)
            std::rethrow_exception(error);
    } catch (const std::exception& caught) {
        spdlog::error("{}", caught.what());
    }
}

}  // namespace guideway
