// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/health_watch.hpp"
#include "agent/self_test.hpp"
#include "bgp/announcement.hpp"
#include "control/conditions.hpp"
#include "control/reconciler.hpp"
#include "datapath/maps.hpp"

namespace guideway::agent {

/// Tells of a service what decides whether its VIPs are announced.
class AnnouncingFacts {
  public:
    AnnouncingFacts(const control::Conditions& conditions, const HealthWatch& health,
                    const control::Reconciler& reconciler, const datapath::Maps& maps,
                    const SelfTestResult& self_test)
        : conditions_(conditions),
          health_(health),
          reconciler_(reconciler),
          maps_(maps),
          self_test_(self_test) {}

    [[nodiscard]] bgp::ServiceFacts of(const config::Service& service) const;

  private:
    void count_backends(const config::Service& service, bgp::ServiceFacts& facts) const;
    void look_for_drains(const config::Service& service, bgp::ServiceFacts& facts) const;

    const control::Conditions& conditions_;
    const HealthWatch& health_;
    const control::Reconciler& reconciler_;
    const datapath::Maps& maps_;
    const SelfTestResult& self_test_;
};

}  // namespace guideway::agent
