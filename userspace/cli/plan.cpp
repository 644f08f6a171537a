// SPDX-License-Identifier: Apache-2.0
#include "control/plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <map>
#include <set>
#include <thread>

#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/current_status.hpp"
#include "cli/lost_ways.hpp"
#include "cli/own_interface.hpp"
#include "config/scalar.hpp"
#include "config/share.hpp"
#include "control/fingerprint.hpp"

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;
/// New flows a second, by service.
using FlowRates = std::map<std::string, double>;

/// What else the new configuration says of a service.
struct NextService {
    std::uint32_t advised_size = 0;
    std::string advice;         ///< as table_size_advice() has it
    const char* tracking = "";  ///< the word of the configuration
    std::string what_keeps;     ///< flows whose slots move
};
/// By name.
using NextServices = std::map<std::string, NextService>;

struct Options {
    std::string path;
    std::string from;
    std::string max_move;
    StatusOptions status;
};

control::Placement placement_of(const config::Config& config) {
    return {control::desired_state(config), fmt::format("{:02x}", fmt::join(config.hash_key, ""))};
}

/// Whether the agent of this status hashes with this key: its fingerprint tells, the key itself is not to be
/// read.
bool same_key(const Json& status, const control::Placement& running, const config::HashKey& key) {
    if (status.at("agent").is_null())
        return true;
    config::Config config;
    config.hash_key = key;
    for (const auto& service : running.state.services) {
        config.services.emplace_back().listeners = service.listeners;
        config.services.back().table_size = service.table_size;
        config.services.back().affinity =
            service.affinity_client ? config::Affinity::kClient : config::Affinity::kFlow;
    }
    return control::fingerprint(config) == status.at("agent").at("fingerprint").get<std::string>();
}

maglev::Availability availability_in(const Json& backend) {
    return static_cast<maglev::Availability>(
        std::lround(backend.at("availability").get<double>() * maglev::kFull));
}

/// What runs is told by the status: weights, availabilities, and listeners as text.
Result<control::Placement> placement_in(const Json& status) {
    control::Placement placement;
    for (const auto& service : status.at("services")) {
        control::DesiredService desired;
        desired.name = service.at("name").get<std::string>();
        desired.affinity_client = service.at("affinity") == "client";
        desired.table_size = service.at("table_size").get<std::uint32_t>();
        for (const auto& text : service.at("listeners")) {
            const auto listener = config::read_listener(text.get<std::string>());
            if (!listener)
                return fail("read the agent's status: '{}' is no listener", text.get<std::string>());
            desired.listeners.push_back(*listener);
        }
        for (const auto& backend : service.at("backends")) {
            const auto address = IpAddress::parse(backend.at("address").get<std::string>());
            control::Condition condition;
            condition.availability = availability_in(backend);
            desired.backends.push_back(
                {.member = {address.value(), backend.at("weight").get<std::uint16_t>()},
                 .condition = condition,
                 .mac = {},
                 .mtu = {}});
        }
        placement.state.services.push_back(std::move(desired));
    }
    return placement;
}

/// Whether a backend's present condition is nothing that its configuration says.
bool outlasts_reload(const Json& backend, bool is_probed) {
    const auto& health = backend.at("health");
    const bool fails = is_probed && !health.is_null() && !health.at("serves").get<bool>();
    return backend.at("by_hand").get<bool>() || backend.at("state") == "slow_start" || fails;
}

/// What was said by hand, slow starts that are under way, and failed checks outlast a reload.
void keep_conditions(control::Placement& next, const config::Config& config, const Json& status) {
    std::set<std::string> probed;
    for (const auto& service : config.services) {
        if (service.health)
            probed.insert(service.name);
    }
    std::map<control::BackendId, maglev::Availability> kept;
    for (const auto& service : status.at("services")) {
        const bool is_probed = probed.contains(service.at("name").get<std::string>());
        for (const auto& backend : service.at("backends")) {
            if (!outlasts_reload(backend, is_probed))
                continue;
            const auto address = IpAddress::parse(backend.at("address").get<std::string>());
            kept[{service.at("name").get<std::string>(), address.value()}] = availability_in(backend);
        }
    }
    for (auto& service : next.state.services) {
        for (auto& backend : service.backends) {
            const auto found = kept.find({service.name, backend.member.address});
            if (found != kept.end() && backend.condition.availability == maglev::kFull)
                backend.condition.availability = found->second;
        }
    }
}

/// New TCP connections during one second: what a plan would hit, about.
Result<FlowRates> sample_flows(const StatusOptions& options, const Json& before) {
    std::this_thread::sleep_for(std::chrono::seconds(1));
    const auto after = current_status(options);
    if (!after)
        return std::unexpected(after.error());
    FlowRates rates;
    for (const auto& service : before.at("services"))
        rates[service.at("name").get<std::string>()] -= service.at("new_flows").get<double>();
    for (const auto& service : (*after).at("services"))
        rates[service.at("name").get<std::string>()] += service.at("new_flows").get<double>();
    return rates;
}

const char* text(control::ServiceFate fate) {
    switch (fate) {
        case control::ServiceFate::kAdded:
            return "added";
        case control::ServiceFate::kRemoved:
            return "removed";
        case control::ServiceFate::kChanged:
            return "changed";
        case control::ServiceFate::kUnchanged:
            break;
    }
    return "unchanged";
}

std::string text(const control::BackendPlan& backend) {
    if (!backend.weight_before)
        return "added";
    if (!backend.weight_after)
        return "removed";
    if (backend.weight_before != backend.weight_after)
        return fmt::format("weight {} -> {}", *backend.weight_before, *backend.weight_after);
    return "";
}

std::vector<std::string> texts(const std::vector<IpAddress>& addresses) {
    std::vector<std::string> result;
    for (const auto& address : addresses)
        result.push_back(address.text());
    return result;
}

Json null_if_empty(const std::string& text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

Json to_json(const control::BackendPlan& backend, const control::ServicePlan& service) {
    const auto weight = [](const auto& value) { return value ? Json(*value) : Json(nullptr); };
    return {
        {"address", backend.address.text()},
        {"weight_before", weight(backend.weight_before)},
        {"weight_after", weight(backend.weight_after)},
        {"slots_before", backend.slots_before},
        {"slots_after", backend.slots_after},
        {"share_before", backend.slots_before / static_cast<double>(service.table_size_before)},
        {"share_after", backend.slots_after / static_cast<double>(service.table_size)},
    };
}

Json to_json(const control::Plan& plan, const FlowRates& rates, const NextServices& next) {
    Json services = Json::array();
    for (const auto& service : plan.services) {
        Json backends = Json::array();
        for (const auto& backend : service.backends)
            backends.push_back(to_json(backend, service));
        const auto rate = rates.find(service.name);
        services.push_back({
            {"name", service.name},
            {"change", text(service.fate)},
            {"table_size", service.table_size},
            {"advised_table_size",
             next.contains(service.name) ? Json(next.at(service.name).advised_size) : Json(nullptr)},
            {"tracking", next.contains(service.name) ? Json(next.at(service.name).tracking) : Json(nullptr)},
            {"slots_moved", service.moved},
            {"slots_must_move", service.must_move},
            {"slots_moved_besides", service.moved_besides()},
            {"share_moved", service.share_moved()},
            {"everything_moves_because", null_if_empty(service.everything_moves_because)},
            {"estimated_flows_per_second",
             rate == rates.end() ? Json(nullptr) : Json(rate->second * service.share_moved())},
            {"backends", std::move(backends)},
        });
    }
    return {
        {"services", std::move(services)},
        {"vips_appear", texts(plan.vips_appear)},
        {"vips_vanish", texts(plan.vips_vanish)},
        {"everything_moves_because", null_if_empty(plan.everything_moves_because)},
        {"largest_share_moved", control::largest_share_moved(plan)},
    };
}

void print(const control::ServicePlan& service, const FlowRates& rates, const NextServices& next) {
    fmt::print("service {}: {}", service.name, text(service.fate));
    if (service.fate == control::ServiceFate::kAdded)
        fmt::print("{}", next.at(service.name).advice);
    if (!service.everything_moves_because.empty())
        fmt::print(", nearly all flows move, since {}", service.everything_moves_because);
    else if (service.moved > 0)
        fmt::print(", {} of {} slots move ({:.2f}%): {} must, {} besides", service.moved, service.table_size,
                   100 * service.share_moved(), service.must_move, service.moved_besides());
    fmt::print("\n");
    if (service.moved > 0 && next.contains(service.name))
        fmt::print("  of flows that there are: {}\n", next.at(service.name).what_keeps);
    if (const auto rate = rates.find(service.name); rate != rates.end() && service.moved > 0)
        fmt::print("  estimate: {:.0f} of {:.0f} new flows a second fall into slots that move\n",
                   rate->second * service.share_moved(), rate->second);
    if (service.fate == control::ServiceFate::kUnchanged)
        return;
    fmt::print("  {:<39} {:>8} {:>8} {:>9} {:>9}\n", "backend", "slots", "then", "share", "then");
    for (const auto& backend : service.backends)
        fmt::print("  {:<39} {:>8} {:>8} {:>8.3f}% {:>8.3f}%  {}\n", backend.address.text(),
                   backend.slots_before, backend.slots_after,
                   100.0 * backend.slots_before / service.table_size_before,
                   100.0 * backend.slots_after / service.table_size, text(backend));
}

void print(const control::Plan& plan, const FlowRates& rates, const NextServices& next) {
    for (const auto& service : plan.services)
        print(service, rates, next);
    if (!plan.vips_appear.empty())
        fmt::print("VIPs that appear: {}\n", fmt::join(texts(plan.vips_appear), " "));
    if (!plan.vips_vanish.empty())
        fmt::print("VIPs that vanish: {}\n", fmt::join(texts(plan.vips_vanish), " "));
    if (!plan.everything_moves_because.empty())
        fmt::print("nearly all flows move, since {}\n", plan.everything_moves_because);
}

/// `5%` as 0.05.
Result<double> budget_in(const std::string& text) {
    double percent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
    if (error != std::errc{} || std::string_view(end, text.data() + text.size()) != "%" ||
        !(percent >= 0 && percent <= 100))
        return fail("read --max-move {}: expected a percentage such as 5%", text);
    return percent / 100;
}

const char* text(config::Tracking tracking) {
    switch (tracking) {
        case config::Tracking::kMoves:
            return "moves";
        case config::Tracking::kAlways:
            return "always";
        case config::Tracking::kSecondChance:
            return "second_chance";
        case config::Tracking::kNever:
            break;
    }
    return "never";
}

std::string what_keeps_flows(const config::Service& service, const config::Datapath& datapath) {
    switch (service.tracking.value_or(config::Tracking::kMoves)) {
        case config::Tracking::kSecondChance:
            return fmt::format("packets name former owners, {} at most, which backends hand them on to",
                               config::max_hops_of(service, datapath));
        case config::Tracking::kNever:
            return "nothing keeps them where they are (tracking: never)";
        case config::Tracking::kMoves:
        case config::Tracking::kAlways:
            break;
    }
    return "records keep them where they are";
}

NextServices next_services(const config::Config& next) {
    NextServices services;
    for (const auto& service : next.services)
        services[service.name] = {
            config::advised_table_size(service.backends),
            config::table_size_advice(service.backends, config::table_size_of(service, next.datapath)),
            text(service.tracking.value_or(config::Tracking::kMoves)),
            what_keeps_flows(service, next.datapath)};
    return services;
}

struct Compared {
    control::Plan plan;
    FlowRates rates;
    std::vector<LostWay> lost_ways;
    NextServices next;
};

Json to_json(const Compared& compared) {
    Json json = to_json(compared.plan, compared.rates, compared.next);
    Json lost = Json::array();
    for (const auto& way : compared.lost_ways)
        lost.push_back({{"service", way.service}, {"backend", way.backend}, {"interface", way.interface}});
    json["ways_lost"] = std::move(lost);
    return json;
}

void print(const Compared& compared) {
    print(compared.plan, compared.rates, compared.next);
    for (const auto& way : compared.lost_ways)
        fmt::print("{} of service {} would have no way: its next hop is on {}\n", way.backend, way.service,
                   way.interface);
}

Result<Compared> compare_with_file(const Options& options, const config::Config& next) {
    const auto before = load_configuration(options.from, Unbuilt::kIgnore);
    if (!before)
        return fail("plan: {} cannot be used", options.from);
    return Compared{
        control::make_plan(placement_of(*before), placement_of(next)), {}, {}, next_services(next)};
}

Result<Compared> compare_with_agent(const Options& options, const config::Config& next) {
    const auto status = current_status(options.status);
    if (!status)
        return std::unexpected(status.error());
    auto before = placement_in(*status);
    if (!before)
        return std::unexpected(before.error());
    auto after = placement_of(next);
    keep_conditions(after, next, *status);
    before->hash_key = same_key(*status, *before, next.hash_key) ? after.hash_key : "another";
    auto rates = sample_flows(options.status, *status);
    if (!rates)
        return std::unexpected(rates.error());
    return Compared{control::make_plan(*before, after), std::move(*rates), lost_ways(*status, next),
                    next_services(next)};
}

int run(const Options& options) {
    double budget = 1;
    if (!options.max_move.empty()) {
        const auto read = budget_in(options.max_move);
        if (!read)
            misused(read.error().message);
        budget = *read;
    }
    auto next = load_configuration(options.path, Unbuilt::kIgnore);
    if (!next)
        return kRefused;
    if (options.from.empty())
        if (auto found = find_own_interface(next->interfaces); !found)
            return refuse(found.error());
    const auto compared =
        options.from.empty() ? compare_with_agent(options, *next) : compare_with_file(options, *next);
    if (!compared)
        return refuse(compared.error());
    if (options.status.json)
        fmt::print("{}\n", to_json(*compared).dump(2));
    else
        print(*compared);
    const double moved = control::largest_share_moved(compared->plan);
    if (moved <= budget)
        return kDone;
    static_cast<void>(
        refuse({fmt::format("plan: {:.2f}% of a service's slots would move, above --max-move {}", 100 * moved,
                            options.max_move)}));
    return kAboveBudget;
}
}  // namespace

void add_plan(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "plan", "What a new configuration would move, before it does, backends being as healthy as they are");
    auto options = std::make_shared<Options>();
    command->add_option("-c,--config", options->path, "the new configuration")->required()->type_name("NEW");
    command->add_option("--from", options->from, "compare with this file instead of the running agent")
        ->type_name("OLD");
    command->add_option("--max-move", options->max_move, "exit with 3 if more of any service's slots move")
        ->type_name("P%");
    options->status.add_to(*command);
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
