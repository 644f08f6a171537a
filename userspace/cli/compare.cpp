// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "api/control_client.hpp"
#include "api/fleet_comparison.hpp"
#include "api/http_client.hpp"
#include "cli/commands.hpp"
#include "cli/configuration.hpp"
#include "cli/current_status.hpp"
#include "config/scalar.hpp"

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kPatience{5};
constexpr std::chrono::seconds kBetween{1};
constexpr const char* kThisHost = "this host";

struct Options {
    std::vector<std::string> servers;
    std::string grace = "5s";
    StatusOptions status;
};

Result<Json> status_in(const Result<api::HttpReply>& reply) {
    if (!reply)
        return std::unexpected(reply.error());
    if (reply->status != 200)
        return fail("its answer is {}", reply->status);
    auto status = Json::parse(reply->body, nullptr, false);
    if (!status.is_object() || !status.contains("services"))
        return fail("its answer is no balancer's status");
    return status;
}

/// Those that were named, and this host's agent if there is one.
std::vector<api::FleetMember> ask(const std::vector<api::Server>& servers, const StatusOptions& options) {
    std::vector<api::FleetMember> members;
    auto own = api::ask_agent_json(options.runtime_dir, "GET", "/status");
    if (own && own->contains("services"))
        members.push_back({kThisHost, std::move(own)});
    const auto replies = api::get_from_all(servers, "/status.json", kPatience);
    for (std::size_t i = 0; i < servers.size(); ++i)
        members.push_back({servers[i].text(), status_in(replies[i])});
    return members;
}

std::string about(const api::Difference& difference) {
    if (difference.service.empty())
        return difference.what;
    return difference.backend.empty()
               ? fmt::format("{} of {}", difference.what, difference.service)
               : fmt::format("{} of {} in {}", difference.what, difference.backend, difference.service);
}

/// What others say is not for this terminal to obey.
std::string printable(std::string text) {
    std::ranges::replace_if(text, [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
    return text;
}

void print(const api::Difference& difference) {
    fmt::print("{}:", printable(about(difference)));
    const char* between = " ";
    for (const auto& [said, members] : difference.members)
        fmt::print("{}{} ({})", std::exchange(between, "; "), printable(said), fmt::join(members, ", "));
    fmt::print("\n");
    if (!difference.odd.empty())
        fmt::print("  odd: {}\n", fmt::join(difference.odd, ", "));
}

void print(const std::vector<api::FleetMember>& members, const std::vector<api::Difference>& differences) {
    for (const auto& difference : differences)
        print(difference);
    if (differences.empty())
        fmt::print("{} balancers agree: {} services, fingerprint {}\n", members.size(),
                   members.front().status->at("services").size(),
                   members.front().status->at("agent").at("fingerprint").get<std::string>());
}

Json to_json(const std::vector<api::FleetMember>& members, const std::vector<api::Difference>& differences) {
    Json json{{"agree", differences.empty()}, {"members", Json::array()}, {"differences", Json::array()}};
    const auto null_if_empty = [](const std::string& text) {
        return text.empty() ? Json(nullptr) : Json(text);
    };
    for (const auto& member : members)
        json["members"].push_back(
            {{"name", member.name},
             {"error", member.status ? Json(nullptr) : Json(member.status.error().message)}});
    for (const auto& each : differences)
        json["differences"].push_back({{"what", each.what},
                                       {"service", null_if_empty(each.service)},
                                       {"backend", null_if_empty(each.backend)},
                                       {"members", each.members},
                                       {"odd", each.odd}});
    return json;
}

int run(const Options& options) {
    const auto grace =
        config::read_duration({options.grace, false}, {config::Duration{0}, std::chrono::hours(1)});
    if (!grace)
        misused("--grace: " + grace.error().message);
    std::vector<api::Server> servers;
    for (const auto& text : options.servers) {
        const auto server = api::Server::parse(text);
        if (!server)
            misused(server.error().message);
        servers.push_back(*server);
    }
    const auto until = Clock::now() + *grace;
    for (;;) {
        const auto members = ask(servers, options.status);
        if (members.size() < 2)
            return refuse({"compare: no agent runs on this host; name at least two balancers"});
        const auto differences = api::compare(members);
        if (!differences.empty() && Clock::now() + kBetween <= until) {
            std::this_thread::sleep_for(kBetween);
            continue;
        }
        if (options.status.json)
            fmt::print("{}\n", to_json(members, differences).dump());
        else
            print(members, differences);
        return differences.empty() ? kDone : kRefused;
    }
}
}  // namespace

void add_compare(CLI::App& app, int& status) {
    auto* command = app.add_subcommand(
        "compare",
        "Whether balancers place flows alike, and if not, where they differ (exit 1) and who is odd");
    auto options = std::make_shared<Options>();
    command
        ->add_option("balancer", options->servers, "others' `http:`; this host's agent is one of them anyway")
        ->required()
        ->type_name("HOST:PORT");
    command
        ->add_option("--grace", options->grace,
                     "how long a difference may last, as when a file is rolled out")
        ->type_name("DURATION")
        ->capture_default_str();
    options->status.add_to(*command);
    command->footer("Example: guideway compare 10.0.0.12:9660 10.0.0.13:9660");
    command->callback([options, &status] { status = run(*options); });
}

}  // namespace guideway::cli
