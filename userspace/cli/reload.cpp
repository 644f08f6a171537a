// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "api/control_client.hpp"
#include "cli/backend_status.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/order.hpp"

namespace guideway::cli {

namespace {
struct Options {
    std::string runtime_dir = kDefaultRuntimeDir;
    bool force = false;
    bool backend = false;
};

int run(Options& options) {
    const bool unsaid = options.runtime_dir == kDefaultRuntimeDir;
    if (unsaid && (options.backend || only_a_backend_is_here()))
        options.runtime_dir = kDefaultBackendRuntimeDir;
    const auto result = api::ask_agent_json(options.runtime_dir, "POST", "/reload",
                                            options.force ? R"({"force": true})" : "");
    if (!result)
        return refuse(result.error());
    for (const auto& error : result->at("errors"))
        fmt::print(stderr, "{}\n", error.get<std::string>());
    print_done(*result);
    return result->at("ok").get<bool>() ? kDone : kRefused;
}
}  // namespace

void add_reload(CLI::App& app, int& status) {
    auto* command =
        app.add_subcommand("reload", "Have the agent read its file again: applied whole, or refused whole");
    auto options = std::make_shared<Options>();
    command->add_flag("--force", options->force,
                      "also if it moves more than reload.max_move, or leaves a backend without a way");
    command->add_flag("--backend", options->backend, "the backend on this host, instead of the agent");
    command->add_option("--runtime-dir", options->runtime_dir, "the agent's")
        ->type_name("D")
        ->capture_default_str();
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
