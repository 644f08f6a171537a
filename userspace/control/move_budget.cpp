// SPDX-License-Identifier: Apache-2.0
#include "control/move_budget.hpp"

#include <algorithm>
#include <map>

#include "control/renamed_services.hpp"

namespace guideway::control {

namespace {
std::map<std::string, const DesiredService*> by_name(const DesiredState& state) {
    std::map<std::string, const DesiredService*> services;
    for (const auto& service : state.services)
        services[service.name] = &service;
    return services;
}
}  // namespace

std::vector<ServicePlan> above_budget(const DesiredState& before, const DesiredState& after, double at_most) {
    if (at_most >= 1)
        return {};
    std::map<std::string, std::string> new_name;
    for (const auto& [now, formerly] : renamed_services(traits_of(before), traits_of(after)))
        new_name[formerly] = now;
    const auto next = by_name(after);
    Placement from, to;
    for (auto service : before.services) {
        if (const auto renamed = new_name.find(service.name); renamed != new_name.end())
            service.name = renamed->second;
        const auto found = next.find(service.name);
        if (found != next.end() && *found->second == service)
            continue;
        if (found != next.end())
            to.state.services.push_back(*found->second);
        from.state.services.push_back(std::move(service));
    }
    auto plan = make_plan(from, to);
    std::erase_if(plan.services, [&](const ServicePlan& service) {
        return service.fate != ServiceFate::kRemoved && service.share_moved() <= at_most;
    });
    return std::move(plan.services);
}

}  // namespace guideway::control
