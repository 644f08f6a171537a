// SPDX-License-Identifier: Apache-2.0
#include "api/snapshot.hpp"

#include <map>
#include <utility>

namespace guideway::api {

std::string_view text(BackendActivity activity) {
    switch (activity) {
        case BackendActivity::kUp:
            return "up";
        case BackendActivity::kSlowStart:
            return "slow_start";
        case BackendActivity::kDrain:
            return "drain";
        case BackendActivity::kDown:
            return "down";
        case BackendActivity::kLeaving:
            break;
    }
    return "leaving";
}

void add_knowledge(ServiceSnapshot& service, KnownService& known) {
    service.fault = std::move(known.fault);
    service.slots_by_hops = std::move(known.slots_by_hops);
    service.hops_left_out = known.hops_left_out;
    service.health = known.health;
    std::map<IpAddress, KnownBackend*> backends;
    for (auto& backend : known.backends)
        backends[backend.address] = &backend;
    for (auto& backend : service.backends) {
        const auto found = backends.find(backend.address);
        if (found == backends.end())
            continue;
        auto& knowledge = *found->second;
        backend.name = std::move(knowledge.name);
        backend.by_hand = knowledge.by_hand;
        backend.activity = knowledge.activity.value_or(backend.activity);
        if (!backend.next_hop)
            backend.trouble = std::move(knowledge.trouble);
        backend.health = std::move(knowledge.health);
    }
}

void add_knowledge(Snapshot& snapshot, AgentKnowledge knowledge) {
    snapshot.agent = std::move(knowledge.agent);
    snapshot.interfaces = std::move(knowledge.interfaces);
    snapshot.probes = knowledge.probes;
    std::map<std::string_view, KnownService*> services;
    for (auto& service : knowledge.services)
        services[service.name] = &service;
    for (auto& service : snapshot.services) {
        if (const auto found = services.find(service.name); found != services.end())
            add_knowledge(service, *found->second);
    }
}

}  // namespace guideway::api
