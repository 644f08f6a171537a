// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "api/control_client.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"

namespace guideway::cli {

namespace {
int run(const std::string& runtime_dir) {
    const auto result = api::ask_agent_json(runtime_dir, "POST", "/reload");
    if (!result)
        return refuse(result.error());
    for (const auto& error : result->at("errors"))
        fmt::print(stderr, "{}\n", error.get<std::string>());
    return result->at("ok").get<bool>() ? kDone : kRefused;
}
}  // namespace

void add_reload(CLI::App& app, int& status) {
    auto* command =
        app.add_subcommand("reload", "Have the agent read its file again: applied whole, or refused whole");
    auto runtime_dir = std::make_shared<std::string>(kDefaultRuntimeDir);
    command->add_option("--runtime-dir", *runtime_dir, "the agent's")->type_name("D")->capture_default_str();
    command->callback([runtime_dir, &status] { status = run(*runtime_dir); });
}

}  // namespace guideway::cli
