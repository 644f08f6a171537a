// SPDX-License-Identifier: Apache-2.0
#include "bgp/relay.hpp"

#include "cli/commands.hpp"
#include "cli/configuration.hpp"

namespace guideway::cli {

/// Hidden: for ExaBGP, which the agent starts.
void add_relay(CLI::App& app, int& status) {
    auto* command = app.add_subcommand("relay", "What ExaBGP runs to talk to the agent")->group("");
    auto socket = std::make_shared<std::string>();
    command->add_option("socket", *socket, "the agent's")->required()->type_name("SOCKET");
    command->callback([socket, &status] {
        const auto done = bgp::run_relay(*socket);
        status = done ? kDone : refuse(done.error());
    });
}

}  // namespace guideway::cli
