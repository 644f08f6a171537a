// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "cli/backend_status.hpp"
#include "cli/bgp_status.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/current_status.hpp"

/// `status` and its parts: `services`, `backends`, `stats`.
namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;

std::string text(const Json& value) {
    return value.is_null() ? "-" : value.get<std::string>();
}

void print_flow_table(const Json& status) {
    const auto& table = status.at("flow_table");
    fmt::print("flow table: {} records, room for {}\n", table.at("records").get<std::uint64_t>(),
               table.at("capacity").get<std::uint64_t>());
}

void print_agent(const Json& status) {
    const auto& agent = status.at("agent");
    if (agent.is_null()) {
        fmt::print("no agent is running: what it left in the kernel goes on\n");
    } else {
        fmt::print("agent {} of {}, process {}, since {}\n", text(agent.at("version")),
                   text(agent.at("config_file")), agent.at("process").get<int>(), text(agent.at("started")));
        fmt::print("fingerprint {}\n", text(agent.at("fingerprint")));
        if (!agent.at("fault").is_null())
            fmt::print("{}: NOTHING IS FORWARDED\n", text(agent.at("fault")));
        for (const auto& trouble : agent.at("degraded"))
            fmt::print("degraded: {}\n", text(trouble));
        const auto& reload = agent.at("last_reload");
        if (!reload.at("ok"))
            fmt::print("the last reload was refused at {}:\n  {}\n", text(reload.at("at")),
                       fmt::join(reload.at("errors").get<std::vector<std::string>>(), "\n  "));
    }
    for (const auto& interface : status.at("interfaces"))
        fmt::print("{}: {}\n", text(interface.at("name")),
                   interface.at("attached") ? "attached" : "NOT attached");
}

/// `: 1,204 one, 96 two`
std::string hops_note(const Json& service) {
    std::string note;
    unsigned hops = 0;
    for (const auto& slots : service.at("slots_by_hops")) {
        ++hops;
        if (slots.get<unsigned>() > 0)
            note += fmt::format("{} {} of {}", note.empty() ? ":" : ",", slots.get<unsigned>(), hops);
    }
    return note;
}

std::string left_out_note(const Json& service) {
    const auto left_out = service.at("hops_left_out").get<unsigned>();
    return left_out == 0 ? "" : fmt::format("; {} more found no room (max_hops)", left_out);
}

/// Flow records that lead to it; `+`: more may be found, as slots are learning.
std::string flows_left(const Json& backend) {
    return fmt::format("{}{}", backend.at("flows").get<std::uint64_t>(),
                       backend.at("learning_slots").get<unsigned>() > 0 ? "+" : "");
}

void print_backend(const Json& backend) {
    const auto& next_hop = backend.at("next_hop");
    const std::string way =
        next_hop.is_null() ? "none: " + text(backend.at("trouble"))
                           : fmt::format("{} {}", text(next_hop.at("interface")), text(next_hop.at("mac")));
    fmt::print("  {:<26} {:<16} {:<10} {:>6} {:>6.2f}% {:>12} {:>15} {:>8}  {}\n",
               text(backend.at("address")), text(backend.at("name")), text(backend.at("state")),
               backend.at("weight").get<unsigned>(), 100 * backend.at("share").get<double>(),
               backend.at("packets").get<std::uint64_t>(), backend.at("bytes").get<std::uint64_t>(),
               flows_left(backend), way);
}

/// Of one whose probes fail, or of which nothing is known.
void print_health(const Json& backend) {
    const auto& health = backend.at("health");
    if (health.is_null() || (health.at("state") == "up" && health.at("reason").is_null()))
        return;
    fmt::print("      {} since {}: {}{}{}\n", text(health.at("state")), text(health.at("since")),
               text(health.at("reason")),
               health.at("held_until").is_null() ? "" : "; held down until " + text(health.at("held_until")),
               health.at("state") == "down" && health.at("serves")   ? "; serves all the same"
               : health.at("state") == "down" && backend.at("alive") ? "; its connections stay for now"
                                                                     : "");
}

void print_backends(const Json& status) {
    for (const auto& service : status.at("services")) {
        fmt::print("\nservice {}\n", text(service.at("name")));
        fmt::print("  {:<26} {:<16} {:<10} {:>6} {:>7} {:>12} {:>15} {:>8}  {}\n", "backend", "name", "state",
                   "weight", "share", "packets", "bytes", "flows", "next hop");
        for (const auto* list : {"backends", "leaving"}) {
            for (const auto& backend : service.at(list)) {
                print_backend(backend);
                print_health(backend);
            }
        }
    }
}

std::string untried_note(const Json& health) {
    const auto untried = health.at("untried").get<std::size_t>();
    return untried == 0
               ? ""
               : fmt::format(", {} CANNOT BE PROBED FROM HERE: what was known of them holds", untried);
}

std::string refused_records(const Json& service) {
    const auto refused = service.at("refused_records").get<std::uint64_t>();
    return refused == 0 ? "" : fmt::format(", {} found no room for one", refused);
}

void print_services(const Json& status) {
    for (const auto& service : status.at("services")) {
        fmt::print("\nservice {}: {}\n", text(service.at("name")),
                   fmt::join(service.at("listeners").get<std::vector<std::string>>(), " "));
        fmt::print("  table    {}\n  base     {}\n", text(service.at("digest")),
                   text(service.at("base_digest")));
        fmt::print("  traffic  {} packets, {} bytes, {} new TCP flows to {} backends\n",
                   service.at("packets").get<std::uint64_t>(), service.at("bytes").get<std::uint64_t>(),
                   service.at("new_flows").get<std::uint64_t>(), service.at("backends").size());
        if (const auto& health = service.at("health"); !health.is_null())
            fmt::print("  health   {} of {} up{}{}{}\n", health.at("up").get<std::size_t>(),
                       health.at("backends").get<std::size_t>(),
                       health.at("warmed_up") ? "" : ", not all are judged yet",
                       health.at("panic") ? ", PANIC: all serve that are not taken out by hand" : "",
                       untried_note(health));
        if (!service.at("fault").is_null())
            fmt::print("  NOTHING IS FORWARDED: {}\n", text(service.at("fault")));
        const auto& slots = service.at("slots_by_state");
        fmt::print("  slots    {} settled, {} learning, {} tracking; {} packets looked up a flow record{}\n",
                   slots.at("settled").get<unsigned>(), slots.at("learning").get<unsigned>(),
                   slots.at("tracking").get<unsigned>(), service.at("flow_lookups").get<std::uint64_t>(),
                   refused_records(service));
        if (slots.value("naming", 0U) > 0)
            fmt::print("  naming   {} slots name former owners{}{}\n", slots.at("naming").get<unsigned>(),
                       hops_note(service), left_out_note(service));
    }
}

void print_stats(const Json& status) {
    fmt::print("\n{:<24} {:<6} {:>12} {:>15}\n", "verdict", "action", "packets", "bytes");
    for (const auto& [name, count] : status.at("verdicts").items()) {
        if (count.at("packets").get<std::uint64_t>() > 0)
            fmt::print("{:<24} {:<6} {:>12} {:>15}\n", name, text(count.at("action")),
                       count.at("packets").get<std::uint64_t>(), count.at("bytes").get<std::uint64_t>());
    }
}

void print_status(const Json& status) {
    print_agent(status);
    print_flow_table(status);
    print_bgp(status);
    print_services(status);
    print_backends(status);
    print_stats(status);
}

int show_backend(const Json& status, const StatusOptions& options, const char* key) {
    if (key != nullptr && !status.contains(key))
        return refuse(
            {fmt::format("show {}: this is a backend, not a balancer; see `guideway status`", key)});
    if (!options.json)
        print_backend_status(status);
    else
        fmt::print("{}\n", (key == nullptr ? status : Json{{key, status.at(key)}}).dump(2));
    return kDone;
}

/// A command that shows one part of the status: `key` of the JSON, or `print` of it.
void add_view(CLI::App& app, int& exit_status, const char* name, const char* help, const char* key,
              void (*print)(const Json&)) {
    auto* command = app.add_subcommand(name, help);
    auto options = std::make_shared<StatusOptions>();
    options->add_to(*command);
    if (key == nullptr)
        command->add_flag("--backend", options->backend, "of the backend on this host");
    command->callback([options, &exit_status, key, print] {
        options->choose_directories();
        const auto status = current_status(*options);
        if (!status) {
            exit_status = refuse(status.error());
            return;
        }
        if (is_backend_status(*status)) {
            exit_status = show_backend(*status, *options, key);
            return;
        }
        if (!options->json)
            print(*status);
        else if (key == nullptr)
            fmt::print("{}\n", status->dump(2));
        else
            fmt::print("{}\n", Json{{key, status->at(key)}}.dump(2));
    });
}
}  // namespace

void add_status(CLI::App& app, int& status) {
    add_view(app, status, "status",
             "What this balancer, or backend, does: services, backends, VIPs, digests, counters", nullptr,
             print_status);
}

void add_services(CLI::App& app, int& status) {
    add_view(app, status, "services", "The services, with digests and traffic", "services", print_services);
}

void add_backends(CLI::App& app, int& status) {
    add_view(app, status, "backends", "The services' backends, with next hops and traffic", "services",
             print_backends);
}

void add_stats(CLI::App& app, int& status) {
    add_view(app, status, "stats", "What became of all packets: counters by verdict", "verdicts",
             print_stats);
}

}  // namespace guideway::cli
