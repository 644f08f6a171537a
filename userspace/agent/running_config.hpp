// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <expected>
#include <functional>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "util/file.hpp"

namespace guideway::agent {

/// A configuration, or what is wrong with it, a line each.
using LoadedConfig = std::expected<config::Config, std::vector<std::string>>;

/// Where the configuration comes from.
struct ConfigSource {
    std::string file;
    FileState read_state;                ///< of the file when it was read last
    std::function<LoadedConfig()> load;  ///< reads the file again
};

/// What the agent goes by. ChangeOver alone changes it.
struct RunningConfig {
    explicit RunningConfig(config::Config at_start);

    /// Another one takes its place.
    void become(const config::Config& next);

    config::Config config;
    std::uint64_t generation = 0;  ///< of the configuration: another one is another
    std::string fingerprint;
    bool names_are_changing = false;    ///< what is known goes by the next one's names already
    std::atomic<bool> backend_metrics;  ///< `metrics: {backends}`, for servers' threads
};

}  // namespace guideway::agent
