// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "agent/adjusting.hpp"
#include "agent/announcing.hpp"
#include "agent/attaching.hpp"
#include "agent/change_over.hpp"
#include "agent/event_log.hpp"
#include "agent/exchanging.hpp"
#include "agent/executors.hpp"
#include "agent/health_watch.hpp"
#include "agent/holdings.hpp"
#include "agent/leaving.hpp"
#include "agent/next_hop_updates.hpp"
#include "agent/obeying.hpp"
#include "agent/reloading.hpp"
#include "agent/remembering.hpp"
#include "agent/running_config.hpp"
#include "agent/self_testing.hpp"
#include "agent/slot_watch.hpp"
#include "agent/snapshots.hpp"
#include "agent/status_source.hpp"
#include "agent/sweeping.hpp"
#include "api/servers.hpp"
#include "control/conditions.hpp"
#include "control/reconciler.hpp"
#include "datapath/datapath.hpp"
#include "util/heartbeat.hpp"

namespace guideway::agent {

struct AgentOptions {
    config::Config config;
    ConfigSource source;
    std::string version;
    bool detach_on_exit = false;
};

/// The balancer's process: shows who knows whom, and in which order all begins and ends. What it made in the
/// kernel goes on when it ends, however it ends.
class Agent {
  public:
    /// Everything up to forwarding. Errors leave what forwarded before as it was.
    [[nodiscard]] static Result<std::unique_ptr<Agent>> start(AgentOptions options);

    /// Takes the control socket away.
    ~Agent();

    /// Until SIGTERM or SIGINT, and the routers have moved away; a second one ends it at once.
    [[nodiscard]] Result<void> run();

  private:
    Agent(AgentOptions options, Holdings holdings);
    [[nodiscard]] Result<void> begin(const std::string& version);
    [[nodiscard]] Result<void> end();

    // Shared state. It is declared first, so it outlives the duties that use it.
    Executors executors_;
    RunningConfig running_;
    datapath::Datapath datapath_;
    control::Reconciler reconciler_;
    control::Conditions conditions_;
    CoroutineMutex changes_;  ///< one reload or sweep at a time
    CoroutineMutex orders_;   ///< one operator's order at a time

    // The duties.
    Heartbeat heartbeat_;
    api::Servers servers_;
    EventLog events_;
    Snapshots snapshots_;
    HealthWatch health_;
    NextHopUpdates next_hops_;
    Attaching attaching_;
    Adjusting adjusting_;
    Sweeping sweeping_;
    Exchanging exchanging_;
    SlotWatch slot_watch_;
    SelfTesting self_testing_;
    Announcing announcing_;
    Remembering remembering_;
    Obeying obeying_;
    ChangeOver change_over_;
    Reloading reloading_;
    Leaving leaving_;
    StatusSource status_;
};

}  // namespace guideway::agent
