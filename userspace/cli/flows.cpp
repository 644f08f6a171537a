// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>

#include <chrono>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/current_status.hpp"
#include "config/model.hpp"
#include "datapath/flow_records.hpp"

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;

struct Options {
    StatusOptions status;
    std::string backend;
    std::string service;
};

std::string endpoint(const abi::address& address, std::uint16_t port) {
    return config::Endpoint{abi::from_abi(address), ntohs(port)}.text();
}

double seconds_since(std::uint64_t last_seen) {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return std::chrono::duration<double>(now - std::chrono::nanoseconds(last_seen)).count();
}

/// Whether somebody who is named by name or address is meant.
bool is_meant(const Options& options, const Json& service, const Json& backend) {
    const auto address = IpAddress::parse(options.backend);
    return (options.service.empty() || service.at("name") == options.service) &&
           (options.backend.empty() || backend.at("name") == options.backend ||
            (address && backend.at("address") == address->text()));
}

/// The services and backends that are meant, as the status has them, by their numbers.
using Meant = std::map<std::pair<std::uint16_t, std::uint16_t>, std::pair<Json, Json>>;

Meant meant_in(const Json& status, const Options& options) {
    Meant meant;
    for (const auto& service : status.at("services")) {
        for (const auto* list : {"backends", "leaving"}) {
            for (const auto& backend : service.at(list)) {
                if (is_meant(options, service, backend))
                    meant[{service.at("number"), backend.at("number")}] = {service.at("name"), backend};
            }
        }
    }
    return meant;
}

Json to_json(const datapath::FlowEntry& entry, const Json& service, const Json& backend) {
    return {
        {"service", service},
        {"source", endpoint(entry.id.source, entry.id.source_port)},
        {"destination", endpoint(entry.id.destination, entry.id.destination_port)},
        {"protocol", entry.id.protocol == IPPROTO_TCP ? "tcp" : "udp"},
        {"backend", backend.at("address")},
        {"slot", entry.record.slot},
        {"idle_seconds", seconds_since(entry.record.last_seen)},
    };
}

void print(const Json& flow) {
    fmt::print("{:<16} {:>46} -> {}/{}  {}  slot {}  idle {:.1f} s\n", flow.at("service").get<std::string>(),
               flow.at("source").get<std::string>(), flow.at("destination").get<std::string>(),
               flow.at("protocol").get<std::string>(), flow.at("backend").get<std::string>(),
               flow.at("slot").get<unsigned>(), flow.at("idle_seconds").get<double>());
}

/// Records are read from the pins, as they may be many.
Result<Json> records_in(const std::string& directory, const Meant& meant) {
    const auto pins = datapath::Pins::open(directory);
    if (!pins)
        return std::unexpected(pins.error());
    const auto maps = datapath::Maps::open(*pins, datapath::Maps::Access::kReadOnly);
    if (!maps)
        return std::unexpected(maps.error());
    Json flows = Json::array();
    datapath::FlowScan scan(*maps);
    while (!scan.done()) {
        const auto entries = scan.next();
        if (!entries)
            return std::unexpected(entries.error());
        for (const auto& entry : *entries) {
            const auto found = meant.find({entry.id.service, entry.record.backend});
            if (found != meant.end())
                flows.push_back(to_json(entry, found->second.first, found->second.second));
        }
    }
    return flows;
}

int run(const Options& options) {
    const auto status = current_status(options.status);
    if (!status)
        return refuse(status.error());
    const auto meant = meant_in(*status, options);
    if (meant.empty() && (!options.backend.empty() || !options.service.empty()))
        return refuse({"flows: there is no such backend; `guideway backends` lists them"});
    const auto& agent = status->at("agent");
    const std::string pins = agent.is_null() ? options.status.pins : agent.at("pins").get<std::string>();
    const auto flows = records_in(pins, meant);
    if (!flows)
        return refuse(flows.error());
    if (options.status.json) {
        fmt::print("{}\n", Json{{"flows", *flows}}.dump(2));
        return kDone;
    }
    for (const auto& flow : *flows)
        print(flow);
    fmt::print("{} flow records\n", flows->size());
    return kDone;
}
}  // namespace

void add_flows(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "flows", "The flow records: flows in moving slots, and those of services that track always");
    const auto options = std::make_shared<Options>();
    options->status.add_to(*command);
    command->add_option("--backend", options->backend, "only those of this backend (name or address)")
        ->type_name("B");
    command->add_option("--service", options->service, "only those of this service")->type_name("S");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
