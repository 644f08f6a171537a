// SPDX-License-Identifier: Apache-2.0
#include "util/log.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace guideway {

void set_up_log() {
    auto logger = spdlog::stderr_logger_st("guideway");
    logger->set_pattern("%l: %v");
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace guideway
