// SPDX-License-Identifier: Apache-2.0
#include "control/trace.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>

#include "api/control_client.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/current_status.hpp"
#include "control/desired_state.hpp"
#include "control/service_table.hpp"
#include "datapath/hash_key_id.hpp"
#include "datapath/verdict_names.hpp"
#include "maglev/flow_hash.hpp"

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;

struct Options {
    std::string path;
    std::string flow;
    StatusOptions status;
    bool by_pins = false;  ///< although there is a path
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

// --- what a configuration would do -----------------------------------------------------------------------

/// By the service's `allow` and `deny`.
bool is_permitted(const config::Service& service, const IpAddress& client) {
    const auto holds = [address = config::Prefix::of(client)](const config::Prefix& prefix) {
        return prefix.holds(address);
    };
    const auto of_its_family = [&](const config::Prefix& prefix) {
        return prefix.address.is_v4() == client.is_v4();
    };
    return std::ranges::none_of(service.deny, holds) &&
           (std::ranges::none_of(service.allow, of_its_family) || std::ranges::any_of(service.allow, holds));
}

/// As if every backend were up.
Json computed(const config::Config& config, const maglev::Flow& flow) {
    const auto* service = service_for(config, flow);
    if (service == nullptr)
        return {{"service", nullptr}, {"verdict", "no_listener"}};
    config::Config one = config;
    one.services = {*service};
    const auto size = config::table_size_of(*service, config.datapath);
    const auto table = control::serving_table_of(control::desired_state(one).services.front().backends, size);
    const auto hash =
        maglev::flow_hash(flow, config.hash_key, service->affinity == config::Affinity::kClient);
    const auto slot = maglev::flow_slot(hash, size);
    const auto owner = table.owners()[slot];
    Json backend;
    if (owner != maglev::kNobody)
        backend = table.base().members()[owner].address.text();
    return {{"service", service->name},
            {"hash", fmt::format("{:016x}", hash)},
            {"slot", slot},
            {"table_size", size},
            {"backend", backend},
            {"permitted", is_permitted(*service, flow.source)}};
}

// --- what the program does -------------------------------------------------------------------------------

/// The maps, and what they say of a flow.
struct Pinned {
    datapath::Maps maps;
    control::Trace trace;

    [[nodiscard]] const abi::backend& entry(std::uint16_t number) const {
        return maps.backend(maps.service(trace.service).first_backend + number);
    }
    [[nodiscard]] Json address(std::uint16_t number) const {
        return number == 0 ? Json(nullptr) : Json(abi::from_abi(entry(number).address).text());
    }
};

Result<Pinned> read_pinned(const std::string& directory, const config::Config& config,
                           const maglev::Flow& flow) {
    const auto pins = datapath::Pins::open(directory);
    if (!pins)
        return std::unexpected(pins.error());
    auto maps = datapath::Maps::open(*pins, datapath::Maps::Access::kReadOnly);
    if (!maps)
        return std::unexpected(maps.error());
    datapath::HashKeyId program{};
    std::ranges::copy(maps->listener_index(0).hash_key_id, program.begin());
    if (program != datapath::hash_key_id(config.hash_key))
        return fail("trace a flow: the program has another hash key than the configuration");
    auto trace = control::trace(*maps, config.hash_key, flow);
    return Pinned{std::move(*maps), std::move(trace)};
}

Json to_json(const Pinned& pinned, const control::Fate& fate) {
    Json json{
        {"verdict", fate.verdict == abi::VERDICT_NONE ? "forwarded" : datapath::verdict_name(fate.verdict)},
        {"backend", pinned.address(fate.backend)},
        {"mac", nullptr}};
    const bool reached = fate.backend != 0 && fate.verdict == abi::VERDICT_NONE;
    if (reached && (pinned.entry(fate.backend).flags & abi::BACKEND_LOCAL) == 0) {
        MacAddress mac;
        std::memcpy(mac.bytes.data(), pinned.entry(fate.backend).next_hop_mac,
                    sizeof(abi::backend::next_hop_mac));
        json["mac"] = mac.text();
    }
    return json;
}

Json record_of(const Pinned& pinned) {
    if (!pinned.trace.record)
        return nullptr;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    const auto idle = now - std::chrono::nanoseconds(pinned.trace.record->last_seen);
    return {{"backend", pinned.address(pinned.trace.record->backend)},
            {"idle_seconds", std::chrono::duration<double>(idle).count()}};
}

Json to_json(const Pinned& pinned) {
    const auto& trace = pinned.trace;
    if (trace.service == 0)
        return {{"service", nullptr}, {"verdict", datapath::verdict_name(trace.first.verdict)}};
    return {{"service", trace.service_name},
            {"hash", fmt::format("{:016x}", trace.hash)},
            {"slot", trace.slot},
            {"table_size", pinned.maps.service(trace.service).table_size},
            {"backend", pinned.address(trace.owner)},
            {"permitted", trace.permitted},
            {"moving", trace.moving},
            {"names_hops", trace.names_hops},
            {"former", pinned.address(trace.former)},
            {"base_owner", pinned.address(trace.base_owner)},
            {"record", record_of(pinned)},
            {"first_packet", to_json(pinned, trace.first)},
            {"later_packets", to_json(pinned, trace.later)}};
}

// --- telling it ------------------------------------------------------------------------------------------

std::string text(const Json& address) {
    return address.is_null() ? "none" : address.get<std::string>();
}

std::string fate_text(const Json& fate) {
    const auto verdict = fate.at("verdict").get<std::string>();
    if (verdict != "forwarded")
        return fmt::format("dropped: {}{}", verdict,
                           fate.at("backend").is_null() ? "" : " to " + text(fate.at("backend")));
    if (fate.at("mac").is_null())
        return text(fate.at("backend")) + ", which is this host";
    return fmt::format("{} by {}", text(fate.at("backend")), text(fate.at("mac")));
}

std::string why_owner(const Json& trace) {
    if (trace.value("names_hops", false))
        return "the slot moved; packets of older flows name its former owners, and backends hand them on";
    if (trace.at("moving").get<bool>())
        return trace.at("former").is_null() ? "the slot moves; flow records tell who has older flows"
                                            : fmt::format("the slot moves from {}", text(trace.at("former")));
    if (trace.at("backend") != trace.at("base_owner"))
        return fmt::format("in the place of {}, which is down, drained or starts slowly",
                           text(trace.at("base_owner")));
    return "the slot rests";
}

void print(const Json& trace) {
    fmt::print("service {}\n", trace.at("service").get<std::string>());
    fmt::print("hash    {}\n", trace.at("hash").get<std::string>());
    fmt::print("slot    {} of {}\n", trace.at("slot").get<std::uint32_t>(),
               trace.at("table_size").get<std::uint32_t>());
    fmt::print("backend {}\n", text(trace.at("backend")));
    if (!trace.at("permitted").get<bool>())
        fmt::print("client  denied: none of its packets gets in\n");
    if (!trace.contains("first_packet"))
        return;
    fmt::print("why     {}\n", why_owner(trace));
    if (const auto& record = trace.at("record"); !record.is_null())
        fmt::print("record  {}, idle {:.1f} s\n", text(record.at("backend")),
                   record.at("idle_seconds").get<double>());
    fmt::print("first   {}\n", fate_text(trace.at("first_packet")));
    fmt::print("later   {}\n", fate_text(trace.at("later_packets")));
}

bool is_forwarded(const Json& trace) {
    if (trace.at("service").is_null())
        return false;
    if (!trace.contains("first_packet"))
        return !trace.at("backend").is_null() && trace.at("permitted").get<bool>();
    return trace.at("first_packet").at("verdict") == "forwarded" &&
           trace.at("later_packets").at("verdict") == "forwarded";
}

/// The file that the running agent has its hash key from, and where its pins are.
Result<void> ask_agent(Options& options) {
    const auto status = api::ask_agent_json(options.status.runtime_dir, "GET", "/status");
    if (!status)
        return fail("trace a flow: {}; without an agent, name its configuration and its pins: -c and --pins",
                    status.error().message);
    const auto& agent = status->at("agent");
    options.path = agent.at("config_file").get<std::string>();
    options.status.pins = agent.at("pins").get<std::string>();
    return {};
}

Result<Json> trace_flow(Options& options, const maglev::Flow& flow) {
    const bool compute = !options.path.empty() && !options.by_pins;
    if (options.path.empty())
        if (auto asked = ask_agent(options); !asked)
            return std::unexpected(asked.error());
    const auto config = load_configuration(options.path, Unbuilt::kIgnore);
    if (!config)
        return fail("trace a flow: its hash key is in {}, which cannot be read", options.path);
    if (compute)
        return computed(*config, flow);
    const auto pinned = read_pinned(options.status.pins, *config, flow);
    if (!pinned)
        return std::unexpected(pinned.error());
    return to_json(*pinned);
}

int run(Options options) {
    const auto flow = flow_in(options.flow);
    if (!flow)
        misused(flow.error().message);
    const auto trace = trace_flow(options, *flow);
    if (!trace)
        return refuse(trace.error());
    const bool forwarded = is_forwarded(*trace);
    if (options.status.json)
        fmt::print("{}\n", trace->dump(2));
    else if (trace->at("service").is_null())
        fmt::print("{}: no service listens on {}\n", trace->at("verdict").get<std::string>(),
                   config::Endpoint{flow->destination, flow->destination_port}.text());
    else
        print(*trace);
    return forwarded ? kDone : kRefused;
}
}  // namespace

void add_trace(CLI::App& app, int& status) {
    auto* command = app.add_subcommand("trace", "Which backend a flow goes to, and why");
    auto options = std::make_shared<Options>();
    command->add_option("flow", options->flow, "the client's direction")
        ->required()
        ->type_name("'SRC:PORT -> DST:PORT/PROTO'");
    command
        ->add_option(
            "-c,--config", options->path,
            "what this configuration would do if all were up; with --pins: what the program does that has "
            "its hash key")
        ->type_name("FILE");
    options->status.add_to(*command);
    command->callback([command, options, &status] {
        options->by_pins = command->count("--pins") > 0;
        status = run(*options);
    });
}

}  // namespace guideway::cli
