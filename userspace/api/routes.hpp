// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/http_server.hpp"
#include "api/snapshot.hpp"
#include "util/result.hpp"

namespace guideway::api {

/// What the servers need of the agent.
struct AgentPort {
    std::function<Result<std::shared_ptr<const Snapshot>>()> snapshot;
    /// Why the reload was refused, a line each; empty if it was applied.
    std::function<boost::asio::awaitable<std::vector<std::string>>()> reload;
};

/// The control socket: /status, /stats, /reload.
[[nodiscard]] HttpServer::Handler control_routes(AgentPort agent);

/// `http:`: /metrics, /healthz, /readyz, /status.json.
[[nodiscard]] HttpServer::Handler public_routes(AgentPort agent);

}  // namespace guideway::api
