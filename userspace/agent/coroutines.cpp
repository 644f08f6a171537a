// SPDX-License-Identifier: Apache-2.0
#include "agent/coroutines.hpp"

#include <spdlog/spdlog.h>

namespace guideway::agent {

void log(const std::exception_ptr& error) {
    try {
        if (error)
            std::rethrow_exception(error);
    } catch (const std::exception& caught) {
        spdlog::error("{}", caught.what());
    }
}

}  // namespace guideway::agent
