// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/current_status.hpp"
#include "control/desired_state.hpp"
#include "control/fingerprint.hpp"
#include "control/service_table.hpp"
#include "maglev/digest.hpp"
#include "maglev/flow_hash.hpp"

namespace guideway::cli {

namespace {
struct Options {
    std::string path;
    std::string flow;
    StatusOptions status;
};

/// `192.0.2.10:80`, `[2001:db8::10]:80`.
std::optional<config::Endpoint> endpoint_in(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    auto host = text.substr(0, colon);
    const bool bracketed = host.starts_with('[') && host.ends_with(']');
    if (bracketed)
        host = host.substr(1, host.size() - 2);
    const auto address = IpAddress::parse(host);
    const auto digits = text.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (!address || address->is_v4() == bracketed || error != std::errc{} ||
        end != digits.data() + digits.size())
        return std::nullopt;
    return config::Endpoint{*address, port};
}

Result<maglev::Flow> flow_in(std::string_view text) {
    constexpr std::string_view kArrow = " -> ";
    const auto arrow = text.find(kArrow);
    const auto slash = text.rfind('/');
    if (arrow != std::string_view::npos && slash != std::string_view::npos && slash > arrow) {
        const auto source = endpoint_in(text.substr(0, arrow));
        const auto destination =
            endpoint_in(text.substr(arrow + kArrow.size(), slash - arrow - kArrow.size()));
        const auto protocol = text.substr(slash + 1);
        if (source && destination && source->address.is_v4() == destination->address.is_v4() &&
            (protocol == "tcp" || protocol == "udp"))
            return maglev::Flow{source->address, destination->address, source->port, destination->port,
                                static_cast<std::uint8_t>(protocol == "tcp" ? IPPROTO_TCP : IPPROTO_UDP)};
    }
    return fail(
        "read the flow '{}': expected 'SRC:PORT -> DST:PORT/PROTO', such as "
        "'198.51.100.7:1234 -> 192.0.2.10:80/tcp'",
        text);
}

/// The exact port's service before the one for any port.
const config::Service* service_for(const config::Config& config, const maglev::Flow& flow) {
    for (const std::uint16_t port : {flow.destination_port, std::uint16_t{0}}) {
        for (const auto& service : config.services) {
            const auto listens = [&](const config::Listener& listener) {
                return listener.vip == flow.destination && listener.port == port &&
                       static_cast<std::uint8_t>(listener.protocol) == flow.protocol;
            };
            if (std::ranges::any_of(service.listeners, listens))
                return &service;
        }
    }
    return nullptr;
}

/// Whether the agent serves the tables of this configuration.
bool same_tables(const config::Config& config, const nlohmann::ordered_json& status) {
    const auto desired = control::desired_state(config);
    for (const auto& service : status.at("services")) {
        const auto found = std::ranges::find(desired.services, service.at("name").get<std::string>(),
                                             &control::DesiredService::name);
        if (found == desired.services.end())
            return false;
        const auto table = control::serving_table_of(found->backends, config.datapath.table_size);
        if (maglev::table_digest(table.base().members(), table.owners()) !=
            service.at("digest").get<std::string>())
            return false;
    }
    return status.at("services").size() == desired.services.size();
}

/// The running agent's configuration, unless its file has changed meanwhile.
Result<std::string> running_file(const StatusOptions& options) {
    const auto status = current_status(options);
    if (!status)
        return std::unexpected(status.error());
    const auto& agent = (*status).at("agent");
    if (agent.is_null())
        return fail("trace a flow: no agent is running here; name a configuration with -c");
    const auto path = agent.at("config_file").get<std::string>();
    const auto config = load_configuration(path, Unbuilt::kIgnore);
    if (!config || control::fingerprint(*config) != agent.at("fingerprint").get<std::string>() ||
        !same_tables(*config, *status))
        return fail("trace a flow: {} is not what the agent runs; name a configuration with -c", path);
    return path;
}

void print_placement(const config::Config& config, const config::Service& service, const maglev::Flow& flow) {
    config::Config one = config;
    one.services = {service};
    const auto table = control::serving_table_of(control::desired_state(one).services.front().backends,
                                                 config.datapath.table_size);
    const auto hash = maglev::flow_hash(flow, config.hash_key, service.affinity == config::Affinity::kClient);
    const auto slot = maglev::flow_slot(hash, config.datapath.table_size);
    const auto owner = table.owners()[slot];
    fmt::print("service {}\n", service.name);
    fmt::print("hash    {:016x}\n", hash);
    fmt::print("slot    {} of {}\n", slot, config.datapath.table_size);
    fmt::print("backend {}\n",
               owner == maglev::kNobody ? "none" : table.base().members()[owner].address.text());
}

int run(Options options) {
    const auto flow = flow_in(options.flow);
    if (!flow)
        misused(flow.error().message);
    if (options.path.empty()) {
        auto path = running_file(options.status);
        if (!path)
            return refuse(path.error());
        options.path = *path;
    }
    const auto config = load_configuration(options.path, Unbuilt::kIgnore);
    if (!config)
        return kRefused;
    if (const auto* service = service_for(*config, *flow))
        print_placement(*config, *service, *flow);
    else
        fmt::print("no service listens on {}\n",
                   config::Endpoint{flow->destination, flow->destination_port}.text());
    return kDone;
}
}  // namespace

void add_trace(CLI::App& app, int& status) {
    auto* command = app.add_subcommand("trace", "Which backend a flow goes to, and why");
    auto options = std::make_shared<Options>();
    command->add_option("flow", options->flow, "the client's direction")
        ->required()
        ->type_name("'SRC:PORT -> DST:PORT/PROTO'");
    command->add_option("-c,--config", options->path, "configuration file; without it: the running agent's")
        ->type_name("FILE");
    options->status.add_directories_to(*command);
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
