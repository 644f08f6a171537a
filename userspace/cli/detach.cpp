// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <signal.h>

#include <chrono>
#include <filesystem>
#include <thread>

#include "api/control_client.hpp"
#include "backend/helper.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "datapath/attachment.hpp"
#include "datapath/probe_encap.hpp"
#include "util/exclusive_lock.hpp"

/// Takes everything away on purpose, with a process that would bring it back, and without.
namespace guideway::cli {

namespace {
struct Options {
    std::string runtime_dir;
    std::string pins;
    bool backend = false;
};

/// A balancer has its routers move away first.
constexpr std::chrono::seconds kEndsWithin{90};

/// Until nobody holds the directory.
bool wait_for_end(const std::string& directory) {
    const auto deadline = std::chrono::steady_clock::now() + kEndsWithin;
    while (ExclusiveLock::holder(directory)) {
        if (std::chrono::steady_clock::now() > deadline)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return true;
}

/// What a process that is gone left in the kernel.
int detach_leftovers(const Options& options) {
    if (!std::filesystem::exists(options.pins))
        return kDone;
    const auto pins = datapath::Pins::open(options.pins);
    if (!pins)
        return refuse(pins.error());
    const auto lock = ExclusiveLock::take(options.pins);
    if (!lock)
        return refuse(lock.error());
    const auto interfaces = pins->linked_interfaces();
    if (auto removed = datapath::remove_everything(*pins); !removed)
        return refuse(removed.error());
    if (!interfaces.empty())
        fmt::print("detached from {}\n", fmt::join(interfaces, ", "));
    return kDone;
}

int detach_balancer(const Options& options) {
    if (const auto process = ExclusiveLock::holder(options.runtime_dir)) {
        const auto asked = api::ask_agent_json(options.runtime_dir, "POST", "/detach");
        if (!asked)
            return refuse(asked.error());
        if (!wait_for_end(options.runtime_dir))
            return refuse({fmt::format("detach: the agent, process {}, has not ended within {} s", *process,
                                       kEndsWithin.count())});
        fmt::print("the agent, process {}, has detached everything and ended\n", *process);
    }
    if (const int done = detach_leftovers(options); done != kDone)
        return done;
    if (const auto filtered = datapath::remove_probe_filters(); !filtered.empty())
        fmt::print("took the filter of health probes off {}\n", fmt::join(filtered, ", "));
    return kDone;
}

int detach_backend(const Options& options) {
    if (const auto process = ExclusiveLock::holder(options.runtime_dir)) {
        if (::kill(*process, backend::kUndoAndEnd) != 0)
            return refuse(
                {fmt::format("detach: tell the backend's helper, process {}: {}", *process, errno_text())});
        if (!wait_for_end(options.runtime_dir))
            return refuse({fmt::format("detach: the backend's helper, process {}, has not ended", *process)});
        fmt::print("the backend's helper, process {}, has undone everything and ended\n", *process);
        return kDone;
    }
    if (auto undone = backend::undo_backend_host(options.runtime_dir, options.pins); !undone)
        return refuse(undone.error());
    return kDone;
}
}  // namespace

void add_detach(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "detach", "Take program, pins and filters away, with the agent that would bring them back");
    auto options = std::make_shared<Options>();
    command->add_flag("--backend", options->backend,
                      "of a backend: decap, VIPs and settings, with its helper");
    command->add_option("--runtime-dir", options->runtime_dir, "the agent's or helper's")->type_name("D");
    command->add_option("--pins", options->pins, "where they are pinned")->type_name("D");
    command->callback([options, &status] {
        if (options->runtime_dir.empty())
            options->runtime_dir = options->backend ? kDefaultBackendRuntimeDir : kDefaultRuntimeDir;
        if (options->pins.empty())
            options->pins = options->backend ? kDefaultBackendPins : kDefaultPins;
        status = options->backend ? detach_backend(*options) : detach_balancer(*options);
    });
}

}  // namespace guideway::cli
