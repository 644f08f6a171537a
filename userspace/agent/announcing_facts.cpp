// SPDX-License-Identifier: Apache-2.0
#include "agent/announcing_facts.hpp"

namespace guideway::agent {

bgp::ServiceFacts AnnouncingFacts::of(const config::Service& service) const {
    const auto fault = self_test_.services.find(service.name);
    bgp::ServiceFacts facts{.warmed_up = health_.warmed_up(service.name),
                            .fault = fault == self_test_.services.end() ? "" : fault->second};
    count_backends(service, facts);
    if (facts.fault == kNoNextHopAtAll)
        facts.healthy = 0;
    if (facts.healthy < service.announce.min_healthy)
        look_for_drains(service, facts);
    // Those who serve cannot be reached; flows of those who drain can, and are not cut off for it.
    if (facts.fault == kNoNextHopAtAll && facts.draining)
        facts.fault.clear();
    return facts;
}

/// The healthy ones up to what its announcement needs: beyond that it makes no difference. In panic backends
/// serve that are down. Whether one that is drained passes its checks is not asked: its flows stay while it
/// is alive.
void AnnouncingFacts::count_backends(const config::Service& service, bgp::ServiceFacts& facts) const {
    const auto now = control::SteadyClock::now();
    for (const auto& backend : service.backends) {
        if (facts.healthy >= service.announce.min_healthy)
            break;
        const control::BackendId id{service.name, backend.address};
        const auto condition = conditions_.at(id, now);
        if (conditions_.ordered_state(id) == config::BackendState::kDrain)
            facts.drained += condition.alive ? 1 : 0;
        else if (condition.availability > 0 && !health_.is_down(id))
            ++facts.healthy;
    }
}

/// Who is drained or leaving may have flows: in slots that learn of it, or with a record. Before an agent has
/// counted those that an earlier one left, it may, too.
void AnnouncingFacts::look_for_drains(const config::Service& service, bgp::ServiceFacts& facts) const {
    const auto numbers = reconciler_.numbering().services.find(service.name);
    if (numbers == reconciler_.numbering().services.end())
        return;
    const auto number = numbers->second.number;
    const auto* life = reconciler_.lives().find(number);
    const auto& flows = reconciler_.lives().flow_counts();
    const bool counted = reconciler_.lives().has_counted() || !reconciler_.needs_sweeps();
    for (const auto& backend : numbers->second.backends) {
        const auto& entry = maps_.backend(numbers->second.region.first + backend.number);
        const bool alive = (entry.flags & abi::BACKEND_ALIVE) != 0;
        const bool drained = !backend.retired && conditions_.ordered_state({service.name, backend.address}) ==
                                                     config::BackendState::kDrain;
        const bool reachable = (entry.flags & abi::BACKEND_NEXT_HOP) != 0 || facts.fault.empty();
        if (!alive || !reachable || !(drained || backend.retired))
            continue;
        facts.leaving += backend.retired ? 1 : 0;
        facts.draining = facts.draining || !counted || flows.contains({number, backend.number}) ||
                         (life != nullptr && life->is_moving() && life->is_learning_of(backend.number));
    }
}

}  // namespace guideway::agent
