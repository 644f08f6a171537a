// SPDX-License-Identifier: Apache-2.0
#include "control/plan.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <tuple>

#include "control/service_table.hpp"

namespace guideway::control {

namespace {
/// The owner of every slot; the unspecified address for nobody.
std::vector<IpAddress> owners_of(const DesiredService* service) {
    if (service == nullptr)
        return {};
    std::vector<IpAddress> owners(service->table_size);
    const auto table = serving_table_of(service->backends, service->table_size);
    for (std::size_t slot = 0; slot < owners.size(); ++slot) {
        if (const auto owner = table.owners()[slot]; owner != maglev::kNobody)
            owners[slot] = table.base().members()[owner].address;
    }
    return owners;
}

std::vector<BackendPlan> backends_of(const DesiredService* before, const DesiredService* after) {
    std::map<IpAddress, BackendPlan> backends;
    const auto note = [&](const DesiredService* service, auto weight) {
        if (service == nullptr)
            return;
        for (const auto& backend : service->backends) {
            auto& plan = backends[backend.member.address];
            plan.address = backend.member.address;
            plan.*weight = backend.member.weight;
        }
    };
    note(before, &BackendPlan::weight_before);
    note(after, &BackendPlan::weight_after);
    std::vector<BackendPlan> result;
    for (const auto& [address, plan] : backends)
        result.push_back(plan);
    return result;
}

BackendPlan* find(std::vector<BackendPlan>& backends, const IpAddress& address) {
    const auto found = std::ranges::lower_bound(backends, address, {}, &BackendPlan::address);
    return found == backends.end() || found->address != address ? nullptr : &*found;
}

void count_slots(ServicePlan& plan, const std::vector<IpAddress>& owners,
                 std::uint32_t BackendPlan::* slots) {
    for (const auto& owner : owners) {
        if (auto* backend = find(plan.backends, owner))
            ++(backend->*slots);
    }
}

/// Alike for clients: order does not matter, nor how a backend is reached.
bool same_service(const DesiredService& before, const DesiredService& after) {
    using Share = std::tuple<IpAddress, std::uint16_t, maglev::Availability>;
    const auto listeners = [](const DesiredService& service) {
        std::set<std::string> texts;
        for (const auto& listener : service.listeners)
            texts.insert(listener.text());
        return texts;
    };
    const auto shares = [](const DesiredService& service) {
        std::set<Share> set;
        for (const auto& backend : service.backends)
            set.insert({backend.member.address, backend.member.weight, backend.condition.availability});
        return set;
    };
    return before.affinity_client == after.affinity_client && listeners(before) == listeners(after) &&
           shares(before) == shares(after);
}

/// Why all of its flows get other slots; empty if they do not.
std::string why_rehashed(const DesiredService& before, const DesiredService& after) {
    if (before.table_size != after.table_size)
        return "table_size changes";
    return before.affinity_client != after.affinity_client ? "affinity changes" : "";
}

/// Slots that were somebody's and are now another's; a service that appears or vanishes moves none.
ServicePlan plan_service(const std::string& name, const DesiredService* before, const DesiredService* after,
                         const std::string& everything_moves_because) {
    ServicePlan plan;
    plan.name = name;
    plan.table_size_before = (before != nullptr ? before : after)->table_size;
    plan.table_size = (after != nullptr ? after : before)->table_size;
    plan.backends = backends_of(before, after);
    const auto old_owners = owners_of(before);
    const auto new_owners = owners_of(after);
    count_slots(plan, old_owners, &BackendPlan::slots_before);
    count_slots(plan, new_owners, &BackendPlan::slots_after);
    if (before == nullptr || after == nullptr) {
        plan.fate = before == nullptr ? ServiceFate::kAdded : ServiceFate::kRemoved;
        return plan;
    }
    plan.everything_moves_because =
        !everything_moves_because.empty() ? everything_moves_because : why_rehashed(*before, *after);
    const bool everything_moves = !plan.everything_moves_because.empty();
    plan.fate =
        everything_moves || !same_service(*before, *after) ? ServiceFate::kChanged : ServiceFate::kUnchanged;
    if (everything_moves) {
        plan.moved = plan.table_size;
        return plan;
    }
    for (std::size_t slot = 0; slot < new_owners.size(); ++slot)
        plan.moved += old_owners[slot] != new_owners[slot] && !old_owners[slot].is_unspecified();
    for (const auto& backend : plan.backends)
        plan.must_move +=
            backend.slots_before > backend.slots_after ? backend.slots_before - backend.slots_after : 0;
    return plan;
}

std::set<IpAddress> vips_of(const DesiredState& state) {
    std::set<IpAddress> vips;
    for (const auto& service : state.services) {
        for (const auto& listener : service.listeners)
            vips.insert(listener.vip);
    }
    return vips;
}

std::map<std::string, const DesiredService*> by_name(const DesiredState& state) {
    std::map<std::string, const DesiredService*> services;
    for (const auto& service : state.services)
        services[service.name] = &service;
    return services;
}
}  // namespace

Plan make_plan(const Placement& before, const Placement& after) {
    Plan plan;
    if (before.hash_key != after.hash_key)
        plan.everything_moves_because = "the hash key changes";

    const auto old_services = by_name(before.state);
    const auto new_services = by_name(after.state);
    std::set<std::string> names;
    for (const auto* services : {&old_services, &new_services}) {
        for (const auto& [name, service] : *services)
            names.insert(name);
    }
    for (const auto& name : names) {
        const auto old_service = old_services.find(name);
        const auto new_service = new_services.find(name);
        const auto* from = old_service == old_services.end() ? nullptr : old_service->second;
        const auto* to = new_service == new_services.end() ? nullptr : new_service->second;
        plan.services.push_back(plan_service(name, from, to, plan.everything_moves_because));
    }
    const auto old_vips = vips_of(before.state);
    const auto new_vips = vips_of(after.state);
    std::ranges::set_difference(new_vips, old_vips, std::back_inserter(plan.vips_appear));
    std::ranges::set_difference(old_vips, new_vips, std::back_inserter(plan.vips_vanish));
    return plan;
}

double largest_share_moved(const Plan& plan) {
    double largest = 0;
    for (const auto& service : plan.services)
        largest = std::max(largest, service.share_moved());
    return largest;
}

}  // namespace guideway::control
