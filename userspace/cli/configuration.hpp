// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/context.hpp"
#include "config/model.hpp"
#include "util/file.hpp"
#include "util/result.hpp"

namespace guideway::cli {

/// Whether keys of features that do not exist yet are refused, or only told: an agent must not pretend to
/// have them.
enum class Unbuilt : bool { kRefuse, kIgnore };

/// Loads a configuration and prints what is wrong or doubtful in it on stderr; nothing if it cannot be used.
/// An agent, which reads its file again, takes regular files alone; other commands read a pipe as well.
[[nodiscard]] std::optional<config::Config> load_configuration(const std::string& path, Unbuilt unbuilt,
                                                               const config::ReadFile& read = read_input);

/// The same for an agent that reads its file again: what is wrong, a line each, instead of printing it.
[[nodiscard]] std::expected<config::Config, std::vector<std::string>> reload_configuration(
    const std::string& path);

/// Prints the sentence on stderr; the exit status that says so.
int refuse(const Error& error);

}  // namespace guideway::cli
