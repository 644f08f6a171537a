// SPDX-License-Identifier: Apache-2.0
#include "cli/commands.hpp"
#include "cli/configuration.hpp"

namespace guideway::cli {

void add_check(CLI::App& app, int& status) {
    auto* command =
        app.add_subcommand("check", "Say what is wrong in a configuration: every error, not the first");
    auto path = std::make_shared<std::string>();
    command->add_option("-c,--config", *path, "configuration file")->required()->type_name("FILE");
    command->callback(
        [path, &status] { status = load_configuration(*path, Unbuilt::kRefuse) ? kDone : kRefused; });
}

}  // namespace guideway::cli
