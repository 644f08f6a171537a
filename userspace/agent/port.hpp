// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>

#include "agent/event_log.hpp"
#include "agent/exchanging.hpp"
#include "agent/leaving.hpp"
#include "agent/obeying.hpp"
#include "agent/reloading.hpp"
#include "agent/running_config.hpp"
#include "agent/snapshots.hpp"
#include "agent/status_source.hpp"
#include "api/routes.hpp"
#include "util/heartbeat.hpp"

namespace guideway::agent {

/// Who does what servers are asked for.
struct PortParts {
    boost::asio::io_context& loop;
    const RunningConfig& running;
    Heartbeat& heartbeat;
    StatusSource& status;
    Snapshots& snapshots;
    Reloading& reloading;
    Obeying& obeying;
    Exchanging& exchanging;
    Leaving& leaving;
    EventLog& events;
};

/// What servers call on their thread, done on the loop. All parts outlive it.
[[nodiscard]] api::AgentPort port_of(PortParts parts);

}  // namespace guideway::agent
