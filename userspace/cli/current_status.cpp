// SPDX-License-Identifier: Apache-2.0
#include "cli/current_status.hpp"

#include "api/control_client.hpp"
#include "api/snapshot_json.hpp"
#include "api/snapshot_reader.hpp"
#include "backend/snapshot.hpp"
#include "cli/backend_status.hpp"
#include "cli/commands.hpp"

namespace guideway::cli {

namespace {
Result<nlohmann::ordered_json> status_in_pins(const std::string& directory) {
    const auto pins = datapath::Pins::open(directory);
    if (!pins)
        return std::unexpected(pins.error());
    if (pins->has("decap_stats")) {
        const auto left = backend::read_left_behind(directory);
        return left ? Result<nlohmann::ordered_json>(backend::to_json(*left)) : std::unexpected(left.error());
    }
    const auto maps = datapath::Maps::open(*pins, datapath::Maps::Access::kReadOnly);
    if (!maps)
        return fail("{}; an agent of this version takes over from what is pinned", maps.error().message);
    const auto snapshot = api::SnapshotReader(*maps, *pins).read(api::Detail::kBackends);
    if (!snapshot)
        return std::unexpected(snapshot.error());
    return api::to_json(*snapshot);
}
}  // namespace

void StatusOptions::add_to(CLI::App& command) {
    command.add_flag("--json", json, "as JSON");
    add_directories_to(command);
}

void StatusOptions::add_directories_to(CLI::App& command) {
    runtime_dir = kDefaultRuntimeDir;
    pins = kDefaultPins;
    command.add_option("--runtime-dir", runtime_dir, "the agent's")->type_name("D")->capture_default_str();
    command.add_option("--pins", pins, "where to look if no agent answers")
        ->type_name("D")
        ->capture_default_str();
}

void StatusOptions::choose_directories() {
    const bool unsaid = runtime_dir == kDefaultRuntimeDir && pins == kDefaultPins;
    if (!backend && !(unsaid && only_a_backend_is_here()))
        return;
    if (runtime_dir == kDefaultRuntimeDir)
        runtime_dir = kDefaultBackendRuntimeDir;
    if (pins == kDefaultPins)
        pins = kDefaultBackendPins;
}

Result<nlohmann::ordered_json> current_status(const StatusOptions& options) {
    const auto reply = api::ask_agent(options.runtime_dir, "GET", "/status");
    if (!reply) {
        auto pinned = status_in_pins(options.pins);
        if (!pinned)
            return fail("{}; nor is there anything pinned: {}", reply.error().message,
                        pinned.error().message);
        return pinned;
    }
    if (reply->status != 200)
        return fail("ask the agent for its status: {}", reply->body);
    auto status = nlohmann::ordered_json::parse(reply->body, nullptr, false);
    if (status.is_discarded())
        return fail("ask the agent for its status: the answer is no JSON");
    return status;
}

}  // namespace guideway::cli
