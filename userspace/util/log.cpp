// SPDX-License-Identifier: Apache-2.0
#include "util/log.hpp"

#include <spdlog/sinks/dup_filter_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>

namespace guideway {

namespace {
constexpr std::chrono::seconds kRepeatsApart{5};
}

void set_up_log() {
    auto repeats = std::make_shared<spdlog::sinks::dup_filter_sink_st>(kRepeatsApart);
    repeats->add_sink(std::make_shared<spdlog::sinks::stderr_sink_st>());
    auto logger = std::make_shared<spdlog::logger>("guideway", std::move(repeats));
    logger->set_pattern("%l: %v");
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace guideway
