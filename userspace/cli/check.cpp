// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"
#include "cli/configuration.hpp"

namespace guideway::cli {

namespace {
struct Options {
    std::string path;
    bool backend = false;
};
}  // namespace

void add_check(CLI::App& app, int& status) {
    auto* command =
        app.add_subcommand("check", "Say what is wrong in a configuration: every error, not the first");
    auto options = std::make_shared<Options>();
    command->add_option("-c,--config", options->path, "configuration file")->required()->type_name("FILE");
    command->add_flag("--backend", options->backend,
                      "it is a backend's, whatever its keys are; without it the keys tell");
    command->callback([options, &status] {
        const auto side = options->backend ? std::optional(config::Side::kBackend) : std::nullopt;
        status = check_file(options->path, side) ? kDone : kRefused;
    });
}

}  // namespace guideway::cli
