// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <CLI/CLI.hpp>

#include "config/backend_host.hpp"

/// One file per command. Each adds its subcommand, whose callback stores the process's exit status: 0 done, 1
/// refused or wrong. Usage errors are CLI11's own and end with 2.
namespace guideway::cli {

inline constexpr int kDone = 0;
inline constexpr int kRefused = 1;
inline constexpr int kUsage = 2;
inline constexpr int kAboveBudget = 3;  ///< plan alone

inline void add_log_level(CLI::App& command, std::string& level) {
    command.add_option("--log-level", level, "what is logged: error, warning, info or debug")
        ->check(CLI::IsMember({"error", "warning", "info", "debug"}))
        ->capture_default_str();
}

/// Version and commit: `0.1.0 (0123456789ab)`.
[[nodiscard]] const char* version();

/// An option's value that cannot be read: prints the sentence, ends with kUsage.
[[noreturn]] inline void misused(const std::string& sentence) {
    throw CLI::ValidationError(sentence);
}

inline constexpr const char* kDefaultRuntimeDir = "/run/guideway";
inline constexpr const char* kDefaultPins = "/sys/fs/bpf/guideway";
inline constexpr const char* kDefaultBackendRuntimeDir = config::kDefaultBackendRuntimeDir;
inline constexpr const char* kDefaultBackendPins = config::kDefaultBackendPins;

void add_agent(CLI::App& app, int& status);
void add_backend(CLI::App& app, int& status);
void add_backends(CLI::App& app, int& status);
void add_check(CLI::App& app, int& status);
void add_compare(CLI::App& app, int& status);
void add_complete(CLI::App& app, int& status);
void add_detach(CLI::App& app, int& status);
void add_doctor(CLI::App& app, int& status);
void add_drain(CLI::App& app, int& status);
void add_events(CLI::App& app, int& status);
void add_explain(CLI::App& app, int& status);
void add_flows(CLI::App& app, int& status);
void add_genkey(CLI::App& app, int& status);
void add_replay(CLI::App& app, int& status);
void add_plan(CLI::App& app, int& status);
void add_relay(CLI::App& app, int& status);
void add_reference(CLI::App& app, int& status);
void add_reload(CLI::App& app, int& status);
void add_services(CLI::App& app, int& status);
void add_simulate(CLI::App& app, int& status);
void add_stats(CLI::App& app, int& status);
void add_status(CLI::App& app, int& status);
void add_table(CLI::App& app, int& status);
void add_trace(CLI::App& app, int& status);
void add_withdraw(CLI::App& app, int& status);

}  // namespace guideway::cli
