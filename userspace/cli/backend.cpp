// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "backend/helper.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/own_interface.hpp"
#include "config/parser.hpp"
#include "util/log.hpp"

namespace guideway::cli {

namespace {
/// Each is a key of the file, too.
struct Flags {
    std::vector<std::string> interfaces;
    std::vector<std::string> vips;
    std::vector<std::string> balancers;
    std::vector<std::string> backends;
    std::string http;
    bool leave_lo = false;
};

struct Options {
    std::string path;
    Flags flags;
    std::string runtime_dir;
    std::string pins;
    std::string log_level = "info";
    bool detach_on_exit = false;
};

std::string quoted(const std::string& text) {
    std::string yaml = "'";
    for (const char c : text)
        yaml += c == '\'' ? std::string("''") : std::string(1, c);
    return yaml + "'";
}

/// The flags as the text of a configuration file; a value that is given twice appears once.
std::string list_text(const char* key, const std::vector<std::string>& items) {
    std::vector<std::string> once;
    for (const auto& item : items) {
        if (std::ranges::find(once, quoted(item)) == once.end())
            once.push_back(quoted(item));
    }
    return fmt::format("{}: [{}]\n", key, fmt::join(once, ", "));
}

/// The flags as a file has them, so that they mean, and are checked, the same.
config::BackendHost read_flags(const Flags& flags) {
    std::string text = list_text("interfaces", flags.interfaces) + list_text("vips", flags.vips) +
                       list_text("balancers", flags.balancers);
    if (!flags.backends.empty())
        text += list_text("backends", flags.backends);
    if (flags.leave_lo)
        text += "addresses: false\n";
    if (!flags.http.empty())
        text += fmt::format("http: {}\n", quoted(flags.http));
    const auto parsed = config::parse_backend_host(text, "");
    std::vector<std::string> errors;
    for (const auto& error : parsed.errors) {
        const char* flag = error.path.starts_with("interfaces")  ? "--interface"
                           : error.path.starts_with("vips")      ? "--vip"
                           : error.path.starts_with("balancers") ? "--from"
                           : error.path.starts_with("backends")  ? "--backend"
                                                                 : "--http";
        errors.push_back(fmt::format("{}: {}", flag, error.message));
    }
    if (!errors.empty())
        misused(fmt::format("{}", fmt::join(errors, "\n")));
    for (const auto& warning : parsed.warnings)
        fmt::print(stderr, "{}\n", warning.message);
    return parsed.config;
}

/// The command line's directories take the place of the file's.
config::BackendHost with_directories(config::BackendHost config, const Options& options) {
    if (!options.runtime_dir.empty())
        config.runtime_dir = options.runtime_dir;
    if (!options.pins.empty())
        config.pins = options.pins;
    return config;
}

int run_with(backend::HelperOptions helper_options) {
    auto helper = backend::Helper::start(std::move(helper_options));
    if (!helper)
        return refuse(helper.error());
    if (auto done = (*helper)->run(); !done)
        return refuse(done.error());
    return kDone;
}

int run_by_flags(const Options& options) {
    const Flags& flags = options.flags;
    std::vector<std::string> missing;
    for (const auto& [name, values] :
         {std::pair{"--interface", &flags.interfaces}, std::pair{"--vip", &flags.vips},
          std::pair{"--from", &flags.balancers}}) {
        if (values->empty())
            missing.emplace_back(name);
    }
    if (!missing.empty())
        misused(
            fmt::format("{} required, or --config FILE instead of all of them", fmt::join(missing, " and ")));
    auto config = with_directories(read_flags(flags), options);
    if (auto found = find_own_interface(config.interfaces); !found)
        return refuse(found.error());
    return run_with({.config = std::move(config),
                     .config_file = {},
                     .read_state = {},
                     .load = {},
                     .version = version(),
                     .detach_on_exit = options.detach_on_exit});
}

int run_by_file(const Options& options) {
    const auto state = wait_for_writer(options.path);
    if (!state)
        return refuse(state.error());
    auto config = load_backend_host(options.path, read_file);
    if (!config)
        return kRefused;
    if (auto same = check_unchanged(options.path, *state); !same)
        return refuse(same.error());
    if (auto found = find_own_interface(config->interfaces); !found)
        return refuse(found.error());
    const auto load = [options]() -> backend::LoadedHost {
        auto again = reload_backend_host(options.path);
        if (!again)
            return again;
        if (auto found = find_own_interface(again->interfaces); !found)
            return std::unexpected(std::vector{fmt::format("{}: {}", options.path, found.error().message)});
        return with_directories(std::move(*again), options);
    };
    return run_with({.config = with_directories(std::move(*config), options),
                     .config_file = options.path,
                     .read_state = *state,
                     .load = load,
                     .version = version(),
                     .detach_on_exit = options.detach_on_exit});
}

void add_flags(CLI::App& command, Flags& flags, CLI::Option* file) {
    command.add_option("--interface", flags.interfaces, "where tunnelled packets arrive")
        ->delimiter(',')
        ->excludes(file)
        ->type_name("IF");
    command.add_option("--vip", flags.vips, "addresses served here, or prefixes")
        ->delimiter(',')
        ->excludes(file)
        ->type_name("A");
    command
        .add_option("--from", flags.balancers,
                    "the balancers' outer source addresses, or prefixes that hold them")
        ->delimiter(',')
        ->excludes(file)
        ->type_name("BALANCER");
    command
        .add_option("--backend", flags.backends, "the services' backends, to which packets may be handed on")
        ->delimiter(',')
        ->excludes(file)
        ->type_name("A");
    command.add_option("--http", flags.http, "serves /metrics, /healthz, /readyz and /status.json")
        ->excludes(file)
        ->type_name("ADDRESS:PORT");
    command
        .add_flag("--no-addresses", flags.leave_lo,
                  "leave lo alone: others make this host take packets for the VIPs")
        ->excludes(file);
}
}  // namespace

void add_backend(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "backend", "Serve: unwrap what the balancers send, in the foreground until SIGTERM");
    auto options = std::make_shared<Options>();
    auto* file = command->add_option("-c,--config", options->path, "configuration file")->type_name("FILE");
    add_flags(*command, options->flags, file);
    add_log_level(*command, options->log_level);
    command->add_flag("--detach-on-exit", options->detach_on_exit, "undo everything at exit");
    command
        ->add_option("--runtime-dir", options->runtime_dir,
                     fmt::format("instead of the file's runtime_dir [{}]", kDefaultBackendRuntimeDir))
        ->type_name("D");
    command
        ->add_option("--pins", options->pins,
                     fmt::format("instead of the file's pins [{}]", kDefaultBackendPins))
        ->type_name("D");
    command->callback([options, &status] {
        set_up_log(options->log_level);
        status = options->path.empty() ? run_by_flags(*options) : run_by_file(*options);
    });
}

}  // namespace guideway::cli
