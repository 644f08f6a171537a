// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api/event.hpp"
#include "api/http_server.hpp"
#include "backend/snapshot.hpp"

namespace guideway::backend {

/// What the servers need of the process; asked for on their thread, answered on the loop.
struct HelperPort {
    /// Why the loop is not to be asked anything; empty while it turns.
    std::function<std::string()> stalled;
    std::function<boost::asio::awaitable<std::shared_ptr<const Snapshot>>()> snapshot;
    /// Why the reload was refused, a line each; empty if it was applied.
    std::function<boost::asio::awaitable<std::vector<std::string>>(api::By by)> reload;
};

/// The control socket: GET /status, POST /reload.
[[nodiscard]] api::HttpServer::Handler control_routes(HelperPort port);

/// `http:`: /metrics, /healthz, /readyz, /status.json.
[[nodiscard]] api::HttpServer::Handler public_routes(HelperPort port);

}  // namespace guideway::backend
