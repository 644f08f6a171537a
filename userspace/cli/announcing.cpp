// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "api/control_client.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/order.hpp"

/// What is said of the routes by hand: `withdraw`, `announce`.
namespace guideway::cli {

namespace {
struct Options {
    std::string runtime_dir = kDefaultRuntimeDir;
    bool wait = false;
};

/// Until the routers have been told that the routes are gone.
int wait_until_gone(const Options& options) {
    constexpr std::chrono::milliseconds kBetweenLooks{100};
    for (;;) {
        const auto status = api::ask_agent_json(options.runtime_dir, "GET", "/status");
        if (!status)
            return refuse(status.error());
        const auto& bgp = status->at("bgp");
        if (bgp.is_null() || bgp.at("presence") == "present")
            return refuse({"withdraw: the routes stay after all: somebody said otherwise"});
        std::uint64_t announced = 0;
        for (const auto& peer : bgp.at("peers"))
            announced += peer.at("announced").get<std::uint64_t>();
        if (bgp.at("presence") == "gone" && announced == 0)
            return kDone;
        std::this_thread::sleep_for(kBetweenLooks);
    }
}

/// Without a bgp section there is nothing to be done, and it is done: a preStop hook need not know.
int run(const std::string& order, const Options& options) {
    const auto status = api::ask_agent_json(options.runtime_dir, "GET", "/status");
    if (!status)
        return refuse(status.error());
    if (status->at("bgp").is_null()) {
        fmt::print("{}: nothing to do: the configuration has no bgp section, so nothing is announced\n",
                   order);
        return kDone;
    }
    const int given = give_order(options.runtime_dir, order);
    return given == kDone && options.wait ? wait_until_gone(options) : given;
}

CLI::App* add_order(CLI::App& app, int& status, const char* name, const char* help,
                    const std::shared_ptr<Options>& options) {
    auto* command = app.add_subcommand(name, help);
    command->add_option("--runtime-dir", options->runtime_dir, "the agent's")
        ->type_name("D")
        ->capture_default_str();
    command->callback([options, name, &status] { status = run(name, *options); });
    return command;
}
}  // namespace

void add_withdraw(CLI::App& app, int& status) {
    const auto options = std::make_shared<Options>();
    auto* withdraw =
        add_order(app, status, "withdraw",
                  "Have the routers send nothing here: the VIPs' routes are marked, then withdrawn", options);
    withdraw->add_flag("--wait", options->wait, "until the routers have been told");
    add_order(app, status, "announce", "Take a `withdraw` back", std::make_shared<Options>());
}

}  // namespace guideway::cli
