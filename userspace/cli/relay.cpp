// SPDX-License-Identifier: Apache-2.0
#include "bgp/relay.hpp"

#include "bgp/supervisor.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "util/log.hpp"

namespace guideway::cli {

namespace {
void add_supervisor(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(bgp::kSupervisorCommand, "What the agent runs ExaBGP by")->group("");
    auto options = std::make_shared<bgp::SupervisorOptions>();
    command->add_option("directory", options->directory)->required();
    command->add_option("exabgp", options->exabgp)->required();
    command->add_option("relay", options->relay_program)->required();
    command->add_option("version-known", options->version_known)->required();
    command->callback([options, &status] {
        set_up_log();
        const auto done = bgp::run_supervisor(*options);
        status = done ? kDone : refuse(done.error());
    });
}
}  // namespace

/// Hidden: for ExaBGP, which the agent starts.
void add_relay(CLI::App& app, int& status) {
    auto* command = app.add_subcommand("relay", "What ExaBGP runs to talk to the agent")->group("");
    auto socket = std::make_shared<std::string>();
    command->add_option("socket", *socket, "the supervisor's")->required()->type_name("SOCKET");
    command->callback([socket, &status] {
        const auto done = bgp::run_relay(*socket);
        status = done ? kDone : refuse(done.error());
    });
    add_supervisor(app, status);
}

}  // namespace guideway::cli
