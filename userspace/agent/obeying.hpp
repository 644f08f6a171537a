// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <optional>
#include <string>
#include <vector>

#include "agent/adjusting.hpp"
#include "agent/announcing.hpp"
#include "agent/event_log.hpp"
#include "agent/executors.hpp"
#include "agent/health_watch.hpp"
#include "agent/remembering.hpp"
#include "agent/running_config.hpp"
#include "agent/snapshots.hpp"
#include "api/routes.hpp"
#include "control/conditions.hpp"

namespace guideway::agent {

/// Does what operators order by hand: drain, disable, withdraw and their opposites. Each order is written
/// down before it holds.
class Obeying {
  public:
    Obeying(Executors& executors, CoroutineMutex& orders, const RunningConfig& running,
            control::Conditions& conditions, HealthWatch& health, Remembering& remembering,
            Adjusting& adjusting, Announcing& announcing, EventLog& events, Snapshots& snapshots);

    /// Returns when the kernel follows it. Without `service`: the backend's in all services. Errors: no such
    /// backend; it is the last that serves; it cannot be written down.
    [[nodiscard]] boost::asio::awaitable<api::Outcome> obey(api::Order order, std::string backend,
                                                            std::optional<std::string> service,
                                                            api::Insistence insistence, api::By by);

    /// Without a bgp section nothing is announced anyway.
    [[nodiscard]] boost::asio::awaitable<api::Outcome> withdraw(bool withdrawn, api::By by);

  private:
    [[nodiscard]] api::Outcome tell(api::Order order, const std::vector<control::BackendId>& backends,
                                    const control::Overrides& before, const api::By& by);

    Executors& executors_;
    CoroutineMutex& orders_;
    const RunningConfig& running_;
    control::Conditions& conditions_;
    HealthWatch& health_;
    Remembering& remembering_;
    Adjusting& adjusting_;
    Announcing& announcing_;
    EventLog& events_;
    Snapshots& snapshots_;
};

}  // namespace guideway::agent
