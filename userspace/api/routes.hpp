// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/http_server.hpp"
#include "api/snapshot.hpp"
#include "util/result.hpp"

namespace guideway::api {

enum class Order : std::uint8_t { kDrain, kUndrain, kEnable, kDisable };

/// What the servers need of the agent.
struct AgentPort {
    std::function<Result<std::shared_ptr<const Snapshot>>()> snapshot;
    /// Why the reload was refused, a line each; empty if it was applied.
    std::function<boost::asio::awaitable<std::vector<std::string>>()> reload;
    /// What operators say of a backend by hand, in one service or in all; done when the slots are stored.
    /// Errors: there is no such backend.
    std::function<boost::asio::awaitable<Result<void>>(Order, std::string backend,
                                                       std::optional<std::string> service)>
        order;
    /// Withdraws every VIP by hand, or takes that back. Errors: it could not be written down.
    std::function<Result<void>(bool withdrawn)> withdraw;
};

/// The control socket: /status, /stats, /reload, and /drain, /undrain, /enable, /disable with
/// `{"backend": "web-1", "service": "web"}` (the service may be missing: all), /withdraw and /announce.
[[nodiscard]] HttpServer::Handler control_routes(AgentPort agent);

/// `http:`: /metrics, /healthz, /readyz, /status.json.
[[nodiscard]] HttpServer::Handler public_routes(AgentPort agent);

}  // namespace guideway::api
