// SPDX-License-Identifier: Apache-2.0
#include "agent/announcing.hpp"

#include <chrono>
#include <utility>

namespace guideway::agent {

Announcing::Announcing(Executors& executors, const RunningConfig& running,
                       const control::Conditions& conditions, const HealthWatch& health,
                       const control::Reconciler& reconciler, const datapath::Datapath& datapath,
                       const SelfTestResult& self_test, EventLog& events)
    : running_(running),
      conditions_(conditions),
      datapath_(datapath),
      self_test_(self_test),
      facts_(conditions, health, reconciler, datapath.maps(), self_test),
      announcer_(
          executors.loop, running.config.runtime_dir, [this] { announce(); },
          [&events](api::Event event) { events.note(std::move(event)); }) {}

void Announcing::configure(const config::Config& config) {
    announcer_.configure(config.bgp, conditions_.overrides().withdrawn);
    watch_links();
}

void Announcing::watch_links() {
    std::vector<std::string> links;
    for (const auto& interface : running_.config.interfaces)
        if (datapath::is_attached(datapath_.pins(), interface))
            links.push_back(datapath_.pins().path(datapath::link_pin_name(interface)));
    announcer_.watch(std::move(links));
}

void Announcing::announce() {
    if (!announcer_.active() || running_.names_are_changing)
        return;
    const auto facts = [this](const config::Service& service) { return facts_.of(service); };
    const bgp::BalancerFacts balancer{
        .withdrawn = conditions_.overrides().withdrawn,
        .fault = self_test_.fault,
        .age = std::chrono::duration_cast<std::chrono::milliseconds>(control::SteadyClock::now() - started_)};
    announcer_.update(running_.config, balancer, facts, bgp::complete(running_.config, balancer, facts));
}

}  // namespace guideway::agent
