// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "config/share.hpp"
#include "control/desired_state.hpp"
#include "control/service_table.hpp"
#include "maglev/digest.hpp"

namespace guideway::cli {

namespace {
struct Options {
    std::string path;
    std::string service;
    std::vector<std::string> down;
    std::vector<std::string> availability;
    bool dump = false;
    bool json = false;
};

using Json = nlohmann::ordered_json;

/// By what the command line names a backend: its name or its address.
using Availabilities = std::map<std::string, maglev::Availability>;

Result<Availabilities> availabilities_in(const Options& options) {
    Availabilities availabilities;
    for (const auto& backend : options.down)
        availabilities[backend] = 0;
    for (const auto& assignment : options.availability) {
        const auto equals = assignment.find('=');
        const std::string text = equals == std::string::npos ? "" : assignment.substr(equals + 1);
        char* end = nullptr;
        const double value = std::strtod(text.c_str(), &end);
        if (text.empty() || *end != '\0' || !(value >= 0 && value <= 1))
            return fail("read --availability {}: expected BACKEND=A with A in 0..1", assignment);
        availabilities[assignment.substr(0, equals)] =
            static_cast<maglev::Availability>(std::lround(value * maglev::kFull));
    }
    return availabilities;
}

/// Sets the availabilities that were asked for; every name must be some backend's.
Result<void> set_availabilities(const config::Config& config, control::DesiredState& desired,
                                const Availabilities& availabilities) {
    for (const auto& [name, availability] : availabilities) {
        bool found = false;
        const auto address = IpAddress::parse(name);
        for (std::size_t i = 0; i < config.services.size(); ++i) {
            for (std::size_t j = 0; j < config.services[i].backends.size(); ++j) {
                const auto& backend = config.services[i].backends[j];
                if (backend.name != name && backend.address != address)
                    continue;
                desired.services[i].backends[j].condition.availability = availability;
                found = true;
            }
        }
        if (!found)
            return fail("set the availability of {}: no backend has this name or address", name);
    }
    return {};
}

struct BackendShare {
    std::string address;
    std::uint16_t weight = 0;
    std::uint32_t slots = 0;
    double ideal = 0;  ///< its part of the effective weight
};

std::vector<BackendShare> shares_of(const maglev::ServingTable& table) {
    const auto members = table.base().members();
    std::vector<BackendShare> shares(members.size());
    double total = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
        const double effective = static_cast<double>(members[i].weight) * table.availabilities()[i];
        shares[i] = {members[i].address.text(), members[i].weight, 0, effective};
        total += effective;
    }
    for (const std::uint16_t owner : table.owners()) {
        if (owner != maglev::kNobody)
            ++shares[owner].slots;
    }
    for (auto& share : shares)
        share.ideal = total > 0 ? share.ideal / total : 0;
    return shares;
}

Json to_json(const std::string& name, const maglev::ServingTable& table, bool dump) {
    const auto members = table.base().members();
    const double size = table.base().size();
    Json backends = Json::array();
    for (const auto& share : shares_of(table))
        backends.push_back({{"address", share.address},
                            {"weight", share.weight},
                            {"slots", share.slots},
                            {"share", share.slots / size},
                            {"ideal", share.ideal}});
    Json service = {
        {"name", name},
        {"table_size", table.base().size()},
        {"base_digest", maglev::table_digest(members, table.base().owners())},
        {"digest", maglev::table_digest(members, table.owners())},
        {"backends", std::move(backends)},
    };
    if (!dump)
        return service;
    auto& owners = service["owners"] = Json::array();
    for (const std::uint16_t owner : table.owners())
        owners.push_back(owner == maglev::kNobody ? Json(nullptr) : Json(members[owner].address.text()));
    return service;
}

void print(const config::Service& service, const maglev::ServingTable& table, bool dump) {
    const auto members = table.base().members();
    fmt::print("service {}: {} slots{}\n", service.name, table.base().size(),
               config::table_size_advice(service.backends, table.base().size()));
    fmt::print("  digest {}  base {}\n", maglev::table_digest(members, table.owners()),
               maglev::table_digest(members, table.base().owners()));
    fmt::print("  {:<39} {:>6} {:>8} {:>9} {:>9}\n", "backend", "weight", "slots", "share", "ideal");
    for (const auto& share : shares_of(table))
        fmt::print("  {:<39} {:>6} {:>8} {:>8.3f}% {:>8.3f}%\n", share.address, share.weight, share.slots,
                   100.0 * share.slots / table.base().size(), 100 * share.ideal);
    if (!dump)
        return;
    const auto owners = table.owners();
    for (std::size_t slot = 0; slot < owners.size(); ++slot)
        fmt::print("{} {}\n", slot,
                   owners[slot] == maglev::kNobody ? "-" : members[owners[slot]].address.text());
}

int run(const Options& options) {
    const auto config = load_configuration(options.path, Unbuilt::kIgnore);
    if (!config)
        return kRefused;
    const auto availabilities = availabilities_in(options);
    if (!availabilities)
        misused(availabilities.error().message);
    auto desired = control::desired_state(*config);
    if (auto set = set_availabilities(*config, desired, *availabilities); !set)
        return refuse(set.error());

    Json services = Json::array();
    bool found = false;
    for (std::size_t i = 0; i < desired.services.size(); ++i) {
        const auto& service = desired.services[i];
        if (!options.service.empty() && service.name != options.service)
            continue;
        found = true;
        const auto table = control::serving_table_of(service.backends, service.table_size);
        if (options.json)
            services.push_back(to_json(service.name, table, options.dump));
        else
            print(config->services[i], table, options.dump);
    }
    if (!options.service.empty() && !found)
        return refuse(
            {fmt::format("show the table of '{}': {} has no such service", options.service, options.path)});
    if (options.json)
        fmt::print("{}\n", Json{{"services", std::move(services)}}.dump());
    return kDone;
}
}  // namespace

void add_table(CLI::App& app, int& status) {
    auto* command =
        app.add_subcommand("table", "Compute the tables of a configuration, without touching the kernel");
    auto options = std::make_shared<Options>();
    command->add_option("-c,--config", options->path, "configuration file")->required()->type_name("FILE");
    command->add_option("--service", options->service, "only this one")->type_name("S");
    command->add_option("--down", options->down, "backends (names or addresses) taken to be down")
        ->delimiter(',')
        ->type_name("A,B");
    command->add_option("--availability", options->availability, "backends' availability, 0..1")
        ->delimiter(',')
        ->type_name("A=0.5,B=0.25");
    command->add_flag("--dump", options->dump, "the owner of every slot, too");
    command->add_flag("--json", options->json, "as JSON");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
