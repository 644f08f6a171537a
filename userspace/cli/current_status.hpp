// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "util/result.hpp"

namespace guideway::cli {

/// Where a command that shows something finds it, and how it shows it.
struct StatusOptions {
    std::string runtime_dir;
    std::string pins;
    bool json = false;
    bool backend = false;  ///< of a backend host

    void add_to(CLI::App& command);
    void add_directories_to(CLI::App& command);
    /// Where the command line says nothing: a backend's directories, if it is about one.
    void choose_directories();
};

/// The status as the agent tells it; without an agent, as the pinned maps do: forwarding goes on without one.
[[nodiscard]] Result<nlohmann::ordered_json> current_status(const StatusOptions& options);

}  // namespace guideway::cli
