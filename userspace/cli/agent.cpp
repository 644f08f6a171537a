// SPDX-License-Identifier: Apache-2.0
#include "agent/agent.hpp"

#include <fmt/format.h>
#include <malloc.h>
#include <spdlog/spdlog.h>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/own_interface.hpp"
#include "util/file.hpp"
#include "util/log.hpp"

namespace guideway::cli {

namespace {
struct Options {
    std::string path;
    std::string runtime_dir;
    std::string state_dir;
    std::string pins;
    std::string log_level = "info";
    bool detach_on_exit = false;
};

/// The command line's directories take the place of the file's.
config::Config with_directories(config::Config config, const Options& options) {
    if (!options.runtime_dir.empty())
        config.runtime_dir = options.runtime_dir;
    if (!options.state_dir.empty())
        config.state_dir = options.state_dir;
    if (!options.pins.empty())
        config.pins = options.pins;
    return config;
}

void warn_of_readable_key(const config::Config& config, const std::string& path) {
    if (config.hash_key_file.empty() && !check_secret_file(path))
        spdlog::warn(
            "hash_key stands in {}, which others can read: keep it in a hash_key_file (guideway genkey -o)",
            path);
}

int run(const Options& options) {
    set_up_log(options.log_level);
    const auto state = wait_for_writer(options.path);
    if (!state)
        return refuse(state.error());
    auto config = load_configuration(options.path, Unbuilt::kRefuse, read_file);
    if (!config)
        return kRefused;
    if (auto same = check_unchanged(options.path, *state); !same)
        return refuse(same.error());
    if (auto found = find_own_interface(config->interfaces); !found)
        return refuse(found.error());
    warn_of_readable_key(*config, options.path);
    const auto load = [options]() -> agent::LoadedConfig {
        auto again = reload_configuration(options.path);
        if (!again)
            return again;
        if (auto found = find_own_interface(again->interfaces); !found)
            return std::unexpected(std::vector{fmt::format("{}: {}", options.path, found.error().message)});
        return with_directories(std::move(*again), options);
    };
    auto agent = agent::Agent::start({
        .config = with_directories(std::move(*config), options),
        .source = {.file = options.path, .read_state = *state, .load = load},
        .version = version(),
        .detach_on_exit = options.detach_on_exit,
    });
    if (!agent)
        return refuse(agent.error());
    ::malloc_trim(0);  // reading a large file leaves tens of megabytes behind
    if (auto done = (*agent)->run(); !done)
        return refuse(done.error());
    return kDone;
}
}  // namespace

void add_agent(CLI::App& app, int& status) {
    auto* command =
        app.add_subcommand("agent", "Balance: run in the foreground until SIGTERM; forwarding goes on");
    auto options = std::make_shared<Options>();
    command->add_option("-c,--config", options->path, "configuration file")->required()->type_name("FILE");
    add_log_level(*command, options->log_level);
    command->add_flag("--detach-on-exit", options->detach_on_exit,
                      "end forwarding at exit, and remove all pins");
    command->add_option("--runtime-dir", options->runtime_dir, "instead of the file's runtime_dir")
        ->type_name("D");
    command->add_option("--state-dir", options->state_dir, "instead of the file's state_dir")->type_name("D");
    command->add_option("--pins", options->pins, "instead of the file's pins")->type_name("D");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
