// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/event.hpp"
#include "api/event_feed.hpp"
#include "api/http_server.hpp"
#include "api/snapshot.hpp"
#include "api/snapshot_reader.hpp"
#include "util/result.hpp"

namespace guideway::api {

enum class Order : std::uint8_t { kDrain, kUndrain, kEnable, kDisable };

/// How much a reload is meant: one that is only asked for is refused if it does more than it may.
enum class Insistence : bool { kAsked, kForced };

/// Whether packets should be sent here. With a bgp section, a balancer is not ready before its first session
/// is established, nor while ExaBGP cannot run. A session that is lost later does not change that.
struct Readiness {
    std::string not_because;            ///< empty: they should
    std::vector<std::string> degraded;  ///< what is missing all the same, a sentence each
};

/// What became of an order, as sentences.
struct Outcome {
    std::vector<std::string> errors;  ///< why it was refused; none: it was carried out
    std::vector<std::string> did;     ///< what was done, and by whom
};

/// What the servers need of the agent. All of it is asked for on the servers' thread; what is done on the
/// loop is awaited.
struct AgentPort {
    /// Why the loop is not to be asked anything; empty while it turns.
    std::function<std::string()> stalled;
    std::function<boost::asio::awaitable<Readiness>()> readiness;
    std::function<boost::asio::awaitable<Result<std::shared_ptr<const Snapshot>>>(Detail)> snapshot;
    /// One service with its backends, and its slots; nothing if there is none of that name.
    std::function<boost::asio::awaitable<Result<std::optional<ServiceSnapshot>>>(std::string name)> service;
    std::function<boost::asio::awaitable<std::optional<TableSnapshot>>(std::string name,
                                                                       std::uint32_t at_most)>
        table;
    std::function<Detail()> metrics_detail;
    std::function<boost::asio::awaitable<Outcome>(Insistence, By)> reload;
    /// What operators say of a backend by hand, in one service or in all; done when the slots are stored.
    /// Errors: there is no such backend; it is the last one that serves, and nobody insists.
    std::function<boost::asio::awaitable<Outcome>(
        Order, std::string backend, std::optional<std::string> service, Insistence insistence, By by)>
        order;
    /// Who owned which slots, as JSON: what changed after that revision of that instance, or everything.
    std::function<boost::asio::awaitable<std::string>(std::string instance, std::uint32_t revision)> history;
    /// Withdraws every VIP by hand, or takes that back. Errors: it could not be written down.
    std::function<boost::asio::awaitable<Outcome>(bool withdrawn, By by)> withdraw;
    /// Has the agent leave, take everything away, and end, a moment after this has been answered.
    std::function<boost::asio::awaitable<Outcome>(By by)> detach;
    EventFeed* events = nullptr;  ///< outlives the servers
};

/// The control socket: /status, /stats, /reload (with `{"force": true}`: whatever it moves), and /drain,
/// /undrain, /enable, /disable with `{"backend": "web-1", "service": "web", "force": true}` (the service may
/// be missing: all), /withdraw, /announce and /detach, which all answer `{"ok": true, "errors": [],
/// "did": ["web: 10.0.0.101 is drained, by uid 0"]}`; /events.
[[nodiscard]] HttpServer::Handler control_routes(AgentPort agent);

/// `http:`: /metrics, /healthz, /readyz, /status.json; /history for the other balancers; the status page and
/// what it asks for, /page/status, /page/status/SERVICE, /page/table/SERVICE.
///
/// /events?since=ID&limit=N: a list of the first N events after that one; without `since`, of the latest N.
/// Where `Accept: text/event-stream` is asked for, a stream of those after `Last-Event-ID` or `since`, or of
/// those to come.
[[nodiscard]] HttpServer::Handler public_routes(AgentPort agent);

}  // namespace guideway::api
