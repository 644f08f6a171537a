// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "api/snapshot.hpp"
#include "api/snapshot_json.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "datapath/verdict_names.hpp"

namespace guideway::cli {

namespace {
struct Options {
    std::string runtime_dir = kDefaultRuntimeDir;
    std::string pins = kDefaultPins;
    bool json = false;
};

void print_service(const api::ServiceSnapshot& service, std::uint32_t table_size) {
    fmt::print("\nservice {}  {}\n", service.name, fmt::join(service.listeners, " "));
    fmt::print("  digest {}  base {}\n", service.digest, service.base_digest);
    fmt::print("  {} packets, {} bytes, {} new TCP flows\n", service.traffic.packets, service.traffic.bytes,
               service.traffic.new_flows);
    fmt::print("  {:<39} {:>6} {:>7} {:>12} {:>15}  {}\n", "backend", "weight", "share", "packets", "bytes",
               "next hop");
    for (const auto& backend : service.backends) {
        const auto next_hop =
            backend.next_hop ? fmt::format("{} {}", backend.next_hop->interface, backend.next_hop->mac.text())
                             : "none";
        fmt::print("  {:<39} {:>6} {:>6.2f}% {:>12} {:>15}  {}\n", backend.address.text(), backend.weight,
                   100.0 * backend.slots / table_size, backend.traffic.packets, backend.traffic.bytes,
                   next_hop);
    }
}

void print(const api::Snapshot& snapshot) {
    fmt::print("attached to {}\n",
               snapshot.attached.empty() ? "nothing" : fmt::format("{}", fmt::join(snapshot.attached, ", ")));
    for (const auto& service : snapshot.services)
        print_service(service, snapshot.table_size);
    fmt::print("\n{:<24} {:>12} {:>15}\n", "verdict", "packets", "bytes");
    for (const auto& verdict : datapath::verdict_names()) {
        const auto& count = snapshot.verdicts[verdict.verdict];
        if (count.packets > 0)
            fmt::print("{:<24} {:>12} {:>15}  {}\n", verdict.name, count.packets, count.bytes,
                       verdict.meaning);
    }
}

int run(const Options& options) {
    const auto pins = datapath::Pins::open(options.pins);
    if (!pins)
        return refuse({pins.error().message + "; is an agent set up on this host?"});
    const auto maps = datapath::Maps::open(*pins, datapath::Maps::Access::kReadOnly);
    if (!maps)
        return refuse(maps.error());
    const auto snapshot = api::read_snapshot(*maps, *pins);
    if (!snapshot)
        return refuse(snapshot.error());
    if (options.json)
        fmt::print("{}\n", api::to_json(*snapshot).dump(2));
    else
        print(*snapshot);
    return kDone;
}
}  // namespace

void add_status(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "status", "What this balancer does: services, backends, next hops, digests, counters");
    auto options = std::make_shared<Options>();
    command->add_flag("--json", options->json, "as JSON");
    command->add_option("--runtime-dir", options->runtime_dir, "the agent's")
        ->type_name("D")
        ->capture_default_str();
    command->add_option("--pins", options->pins, "the agent's")->type_name("D")->capture_default_str();
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
