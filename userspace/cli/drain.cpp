// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/control_client.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/order.hpp"
#include "config/scalar.hpp"
#include "util/ip_address.hpp"

/// What is said of a backend by hand: `drain`, `undrain`, `enable`, `disable`.
namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

struct Options {
    std::string runtime_dir = kDefaultRuntimeDir;
    std::string backend;
    std::string service;
    bool wait = false;
    std::string timeout;  ///< of the wait; empty: none
    bool force = false;
};

/// What still holds a drained backend back.
struct Left {
    std::uint64_t flows = 0;     ///< that have records
    std::uint64_t learning = 0;  ///< slots in which more may be found
    bool drained = true;         ///< its order still stands

    [[nodiscard]] bool nothing() const { return flows == 0 && learning == 0; }
};

bool is(const Json& backend, const std::string& name_or_address) {
    const auto address = IpAddress::parse(name_or_address);
    return backend.at("name") == name_or_address || (address && backend.at("address") == address->text());
}

Result<Left> left_on(const Options& options) {
    const auto status = api::ask_agent_json(options.runtime_dir, "GET", "/status");
    if (!status)
        return std::unexpected(status.error());
    Left left;
    for (const auto& service : status->at("services")) {
        if (!options.service.empty() && service.at("name") != options.service)
            continue;
        for (const auto* list : {"backends", "leaving"}) {
            for (const auto& backend : service.at(list)) {
                if (!is(backend, options.backend))
                    continue;
                left.flows += backend.at("flows").get<std::uint64_t>();
                left.learning += backend.at("learning_slots").get<std::uint64_t>();
                left.drained = left.drained && backend.at("availability") == 0.0;
            }
        }
    }
    return left;
}

void show(const Options& options, const Left& left) {
    const bool terminal = ::isatty(STDOUT_FILENO) != 0;
    fmt::print("{}{}: {} flows left, {} slots in which more may be found{}", terminal ? "\r\x1b[K" : "",
               options.backend, left.flows, left.learning, terminal ? "" : "\n");
    std::fflush(stdout);
}

/// Until none of its flows is left: each ends by itself, falls silent for idle_timeout, or meets max_drain.
int wait_until_drained(const Options& options, Clock::duration at_most) {
    const auto began = Clock::now();
    constexpr std::chrono::milliseconds kBetweenLooks{250};
    constexpr int kLooksPerLine = 8;
    for (int look = 0;; ++look) {
        const auto left = left_on(options);
        if (!left)
            return refuse(left.error());
        if (!left->drained)
            return refuse({fmt::format("{} is no longer drained: somebody said otherwise", options.backend)});
        if (look % kLooksPerLine == 0 || left->nothing())
            show(options, *left);
        if (left->nothing())
            break;
        if (Clock::now() - began >= at_most) {
            show(options, *left);
            fmt::print("\n");
            return refuse({fmt::format("wait for {}: its flows have not ended within {}; it stays drained",
                                       options.backend, options.timeout)});
        }
        std::this_thread::sleep_for(kBetweenLooks);
    }
    if (::isatty(STDOUT_FILENO) != 0)
        fmt::print("\n");
    return kDone;
}

int run(const std::string& order, const Options& options) {
    Clock::duration at_most = Clock::duration::max();
    if (!options.timeout.empty()) {
        const auto timeout =
            config::read_duration({options.timeout, false}, {config::Duration{0}, std::chrono::hours(24)});
        if (!timeout)
            misused("--timeout: " + timeout.error().message);
        at_most = *timeout;
    }
    Json asked = {{"backend", options.backend}};
    if (!options.service.empty())
        asked["service"] = options.service;
    if (options.force)
        asked["force"] = true;
    const int given = give_order(options.runtime_dir, order, asked.dump());
    return given == kDone && options.wait ? wait_until_drained(options, at_most) : given;
}

CLI::App* add_order(CLI::App& app, int& status, const char* name, const char* help,
                    const std::shared_ptr<Options>& options) {
    auto* command = app.add_subcommand(name, help);
    command->add_option("BACKEND", options->backend, "its name or address")->required();
    command->add_option("--service", options->service, "in this service only")->type_name("S");
    command->add_option("--runtime-dir", options->runtime_dir, "the agent's")
        ->type_name("D")
        ->capture_default_str();
    command->callback([options, name, &status] { status = run(name, *options); });
    return command;
}
void add_force(CLI::App& command, const std::shared_ptr<Options>& options) {
    command.add_flag("--force", options->force, "also if it is the last backend that serves");
}
}  // namespace

void add_drain(CLI::App& app, int& status) {
    const auto options = std::make_shared<Options>();
    auto* drain = add_order(app, status, "drain",
                            "Give a backend no new flows; those it has stay until they end", options);
    auto* wait = drain->add_flag("--wait", options->wait, "until none of its flows is left");
    drain
        ->add_option("--timeout", options->timeout,
                     "how long to wait: exits with 1 then, and it stays drained")
        ->type_name("DURATION")
        ->needs(wait);
    add_force(*drain, options);
    add_order(app, status, "undrain", "Take a `drain` back", std::make_shared<Options>());
    const auto disabling = std::make_shared<Options>();
    add_force(*add_order(app, status, "disable", "Give a backend up: no new flows, and those it has move",
                         disabling),
              disabling);
    add_order(app, status, "enable", "Take a `disable` back", std::make_shared<Options>());
}

}  // namespace guideway::cli
