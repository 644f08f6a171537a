// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/announcer.hpp"
#include "agent/announcing_facts.hpp"
#include "agent/event_log.hpp"
#include "agent/executors.hpp"
#include "agent/health_watch.hpp"
#include "agent/running_config.hpp"
#include "agent/self_test.hpp"
#include "control/conditions.hpp"
#include "control/reconciler.hpp"
#include "datapath/datapath.hpp"

namespace guideway::agent {

/// Decides which VIPs the routers may send here: they follow the backends' conditions, the self-test and what
/// was said by hand.
class Announcing {
  public:
    Announcing(Executors& executors, const RunningConfig& running, const control::Conditions& conditions,
               const HealthWatch& health, const control::Reconciler& reconciler,
               const datapath::Datapath& datapath, const SelfTestResult& self_test, EventLog& events);

    /// As the configuration's `bgp` section says: ExaBGP is started, its sessions are changed, or it is
    /// ended.
    void configure(const config::Config& config);
    void announce();
    /// The links that are attached now must stay so while nobody looks after them.
    void watch_links();

    [[nodiscard]] Announcer& announcer() { return announcer_; }
    [[nodiscard]] const Announcer& announcer() const { return announcer_; }

  private:
    const RunningConfig& running_;
    const control::Conditions& conditions_;
    const datapath::Datapath& datapath_;
    const SelfTestResult& self_test_;
    AnnouncingFacts facts_;
    Announcer announcer_;
    control::TimePoint started_ = control::SteadyClock::now();
};

}  // namespace guideway::agent
