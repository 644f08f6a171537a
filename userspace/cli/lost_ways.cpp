// SPDX-License-Identifier: Apache-2.0
#include "cli/lost_ways.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;

/// What an interface is called now, by the name that it is configured under.
std::string present_name(const Json& status, const std::string& configured) {
    const auto& agent = status.at("agent");
    if (agent.is_null() || !agent.at("renamed").contains(configured))
        return configured;
    return agent.at("renamed").at(configured).get<std::string>();
}
}  // namespace

std::vector<LostWay> lost_ways(const Json& status, const config::Config& next) {
    std::set<std::string> interfaces;
    for (const auto& interface : next.interfaces)
        interfaces.insert({interface, present_name(status, interface)});
    std::map<std::string, const config::Service*> services;
    for (const auto& service : next.services)
        services[service.name] = &service;
    std::vector<LostWay> lost;
    for (const auto& service : status.at("services")) {
        const auto found = services.find(service.at("name").get<std::string>());
        if (found == services.end())
            continue;
        for (const auto& backend : service.at("backends")) {
            const auto address = backend.at("address").get<std::string>();
            const auto stays = [&](const config::Backend& each) { return each.address.text() == address; };
            if (backend.at("next_hop").is_null() || std::ranges::none_of(found->second->backends, stays))
                continue;
            const auto interface = backend.at("next_hop").at("interface").get<std::string>();
            if (!interfaces.contains(interface))
                lost.push_back({found->first, address, interface});
        }
    }
    return lost;
}

}  // namespace guideway::cli
