// SPDX-License-Identifier: Apache-2.0
#include "doctor/balancer_findings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <utility>

#include "doctor/verdict_findings.hpp"

namespace guideway::doctor {

namespace {
using Json = nlohmann::ordered_json;

std::string text(const Json& value) {
    return value.is_null() ? "" : value.get<std::string>();
}

void add(Findings& findings, Findings more) {
    std::ranges::move(more, std::back_inserter(findings));
}

Findings of_agent(const Json& agent) {
    Findings findings;
    if (agent.is_null()) {
        findings.push_back(
            {"agent", "", "no agent runs",
             "what is in the kernel forwards on, but nobody follows health, next hops or the file",
             "systemctl start guideway; journalctl -u guideway"});
        return findings;
    }
    if (!agent.at("fault").is_null())
        findings.push_back({"fault", "", text(agent.at("fault")),
                            "nothing is forwarded, and all VIPs are withdrawn",
                            "guideway status; journalctl -u guideway"});
    for (const auto& trouble : agent.at("degraded"))
        findings.push_back({"degraded", "", text(trouble), "packets are forwarded, but something is missing",
                            "guideway status; journalctl -u guideway"});
    const auto& reload = agent.at("last_reload");
    if (!reload.at("ok").get<bool>())
        findings.push_back(
            {"reload", text(agent.at("config_file")),
             fmt::format("the last reload was refused: {}", text(reload.at("errors").at(0))),
             "the configuration before it goes on",
             fmt::format("guideway check -c {0}; mend {0}; guideway reload", text(agent.at("config_file")))});
    return findings;
}

Findings of_interfaces(const Json& interfaces) {
    Findings findings;
    for (const auto& interface : interfaces) {
        if (!interface.at("attached").get<bool>())
            findings.push_back({"attachment", text(interface.at("name")), "the program is not attached",
                                "packets for the VIPs that arrive there are not forwarded",
                                fmt::format("ip link show {}; guideway reload", text(interface.at("name")))});
    }
    return findings;
}

std::string name_of(const Json& backend, const Json& service) {
    return fmt::format("{} of {}", text(backend.at("address")), text(service.at("name")));
}

Findings of_backend(const Json& backend, const Json& service) {
    Findings findings;
    const auto name = name_of(backend, service);
    if (backend.at("next_hop").is_null() && !backend.at("trouble").is_null())
        findings.push_back(
            {"next_hop", name, fmt::format("its next hop is not known: {}", text(backend.at("trouble"))),
             "its packets are dropped (no_next_hop)",
             fmt::format("ip route get {0}; ip neigh show; ping {0}", text(backend.at("address")))});
    const auto& health = backend.at("health");
    if (health.is_null())
        return findings;
    if (health.at("state") == "down")
        findings.push_back({"health", name, fmt::format("it is down: {}", text(health.at("reason"))),
                            health.at("serves").get<bool>() ? "it serves all the same, as too few others do"
                                                            : "others have its share",
                            "guideway doctor --backend, on that host; its application's log"});
    else if (health.at("untried").get<bool>())
        findings.push_back(
            {"health", name, fmt::format("it cannot be probed from here: {}", text(health.at("reason"))),
             "what was known of it holds, whatever happens to it", "ip route get, ip link, on this host"});
    return findings;
}

Findings of_service(const Json& service) {
    Findings findings;
    const auto name = text(service.at("name"));
    if (!service.at("fault").is_null())
        findings.push_back({"service", name, text(service.at("fault")), "it is not forwarded",
                            fmt::format("guideway backends; guideway trace, for a client of {}", name)});
    const auto& health = service.at("health");
    if (!health.is_null() && health.at("panic").get<bool>())
        findings.push_back({"panic", name, "too few of its backends are healthy, so all serve",
                            "requests reach backends that fail", "guideway backends"});
    if (service.at("backends").empty())
        findings.push_back({"service", name, "it has no backends", "its packets are dropped (no_backend)",
                            "add backends to the configuration"});
    for (const auto& backend : service.at("backends"))
        add(findings, of_backend(backend, service));
    return findings;
}

Findings of_bgp(const Json& bgp) {
    Findings findings;
    if (bgp.is_null())
        return findings;
    if (!bgp.at("running").get<bool>())
        findings.push_back({"exabgp", "",
                            fmt::format("ExaBGP does not answer: {}", text(bgp.at("last_error"))),
                            "no router is told of the VIPs", "guideway status; journalctl -u guideway"});
    if (bgp.at("presence") != "present")
        findings.push_back({"withdrawn", "", "the VIPs are withdrawn by hand", "routers send nothing here",
                            "guideway announce"});
    for (const auto& peer : bgp.at("peers")) {
        if (peer.at("state") != "established")
            findings.push_back(
                {"bgp_session", text(peer.at("address")),
                 fmt::format("the session is {}: {}", text(peer.at("state")), text(peer.at("last_error"))),
                 "this router sends nothing here",
                 "AS numbers, password_file, ttl and the way to the router; its own log"});
    }
    for (const auto& vip : bgp.at("vips")) {
        if (!vip.at("announced").get<bool>() && bgp.at("presence") == "present")
            findings.push_back({"vip", text(vip.at("vip")),
                                fmt::format("it is not announced: {}", text(vip.at("reason"))),
                                "routers send its packets elsewhere, or nowhere", "guideway services"});
    }
    return findings;
}

Findings of_flow_table(const Json& table) {
    constexpr double kNearlyFull = 0.8;
    const auto records = table.at("records").get<std::uint64_t>();
    const auto capacity = table.at("capacity").get<std::uint64_t>();
    if (static_cast<double>(records) < kNearlyFull * static_cast<double>(capacity))
        return {};
    return {{"flow_table", "", fmt::format("{} of {} flow records are in use", records, capacity),
             "flows that find no room may break when slots move",
             "raise datapath.max_flows; restart the agent"}};
}
}  // namespace

Findings findings_in_status(const Json& status) {
    Findings findings = of_agent(status.at("agent"));
    add(findings, of_interfaces(status.at("interfaces")));
    for (const auto& service : status.at("services"))
        add(findings, of_service(service));
    add(findings, of_bgp(status.at("bgp")));
    add(findings, of_flow_table(status.at("flow_table")));
    add(findings, findings_in_verdicts(status.at("verdicts")));
    return findings;
}

}  // namespace guideway::doctor
