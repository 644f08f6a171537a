// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <vector>

#include "config/context.hpp"
#include "config/model.hpp"
#include "config/parser.hpp"
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

/// The same of a backend's file.
[[nodiscard]] std::optional<config::BackendHost> load_backend_host(const std::string& path,
                                                                   const config::ReadFile& read = read_input);
[[nodiscard]] std::expected<config::BackendHost, std::vector<std::string>> reload_backend_host(
    const std::string& path);

/// The state of a file that is read again later, once nobody has it open for writing; a first half may be
/// valid, and have fewer services. Errors: some process does not close it.
[[nodiscard]] Result<FileState> wait_for_writer(const std::string& path);
/// Errors: it has another state than when its reading began.
[[nodiscard]] Result<void> check_unchanged(const std::string& path, const FileState& state);

/// Prints what is wrong or doubtful in a file of that side; without one, of the side that its keys tell.
/// False if it cannot be used.
[[nodiscard]] bool check_file(const std::string& path, std::optional<config::Side> side);

/// Prints the sentence on stderr; the exit status that says so.
int refuse(const Error& error);

}  // namespace guideway::cli
