// SPDX-License-Identifier: Apache-2.0
#include "api/routes.hpp"

#include <map>
#include <nlohmann/json.hpp>

#include "api/metrics.hpp"
#include "api/snapshot_json.hpp"

namespace guideway::api {

namespace {
using Json = nlohmann::ordered_json;
using Answer = boost::asio::awaitable<HttpResponse>;
using Route = std::function<Answer(const HttpRequest&)>;

constexpr const char* kText = "text/plain; charset=utf-8";

HttpResponse json_response(const Json& json, unsigned status = 200) {
    return {.status = status,
            .content_type = "application/json",
            .body = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"};
}

HttpResponse text_response(unsigned status, const std::string& text) {
    return {.status = status, .content_type = kText, .body = text + "\n"};
}

/// A route that shows something of the snapshot.
Route show(const AgentPort& agent, std::function<HttpResponse(const Snapshot&)> view) {
    return [snapshot = agent.snapshot, view](const HttpRequest&) -> Answer {
        const auto current = snapshot();
        co_return current ? view(**current) : text_response(500, current.error().message);
    };
}

/// Of something that was to be done: what was wrong, a line each.
HttpResponse outcome(const std::vector<std::string>& errors) {
    return json_response({{"ok", errors.empty()}, {"errors", errors}}, errors.empty() ? 200 : 422);
}

Route reload(const AgentPort& agent) {
    return [reload = agent.reload](const HttpRequest&) -> Answer { co_return outcome(co_await reload()); };
}

/// The text under a key of a JSON object, if it is one.
std::optional<std::string> text_in(const Json& json, const char* key) {
    if (!json.is_object() || !json.contains(key) || !json.at(key).is_string())
        return std::nullopt;
    return json.at(key).get<std::string>();
}

Route order(const AgentPort& agent, Order what) {
    return [order = agent.order, what](const HttpRequest& request) -> Answer {
        const Json asked = Json::parse(request.body, nullptr, false);
        const auto backend = text_in(asked, "backend");
        if (!backend)
            co_return outcome({R"(expected {"backend": NAME or ADDRESS, "service": NAME})"});
        auto service = text_in(asked, "service");
        const auto done = co_await order(what, *backend, std::move(service));
        co_return outcome(done ? std::vector<std::string>{} : std::vector{done.error().message});
    };
}

Route withdraw(const AgentPort& agent, bool withdrawn) {
    return [withdraw = agent.withdraw, withdrawn](const HttpRequest&) -> Answer {
        const auto done = withdraw(withdrawn);
        co_return outcome(done ? std::vector<std::string>{} : std::vector{done.error().message});
    };
}

HttpResponse refuse(const std::map<std::string, Route>& table, const std::string& path) {
    const bool known = table.contains("GET " + path) || table.contains("POST " + path);
    return known ? text_response(405, "method not allowed") : text_response(404, "not found");
}

/// `METHOD /path` to what answers it; HEAD is answered as GET.
HttpServer::Handler routes(std::map<std::string, Route> table) {
    return [table = std::make_shared<const std::map<std::string, Route>>(std::move(table))](
               HttpRequest request) -> Answer {
        const std::string method = request.method == "HEAD" ? "GET" : request.method;
        const auto route = table->find(method + " " + request.path);
        if (route == table->end())
            co_return refuse(*table, request.path);
        co_return co_await route->second(request);
    };
}
}  // namespace

HttpServer::Handler control_routes(AgentPort agent) {
    return routes({
        {"GET /status",
         show(agent, [](const Snapshot& snapshot) { return json_response(to_json(snapshot)); })},
        {"GET /stats",
         show(agent, [](const Snapshot& snapshot) { return json_response(stats_json(snapshot)); })},
        {"POST /reload", reload(agent)},
        {"POST /drain", order(agent, Order::kDrain)},
        {"POST /undrain", order(agent, Order::kUndrain)},
        {"POST /enable", order(agent, Order::kEnable)},
        {"POST /disable", order(agent, Order::kDisable)},
        {"POST /withdraw", withdraw(agent, true)},
        {"POST /announce", withdraw(agent, false)},
    });
}

HttpServer::Handler public_routes(AgentPort agent) {
    const auto ready = [](const Snapshot& snapshot) {
        const std::string reason = not_ready_because(snapshot);
        return reason.empty() ? text_response(200, "ready") : text_response(503, reason);
    };
    return routes({
        {"GET /healthz", [](const HttpRequest&) -> Answer { co_return text_response(200, "ok"); }},
        {"GET /readyz", show(agent, ready)},
        {"GET /metrics", show(agent,
                              [](const Snapshot& snapshot) {
                                  return HttpResponse{.status = 200,
                                                      .content_type = kMetricsContentType,
                                                      .body = metrics_text(snapshot)};
                              })},
        {"GET /status.json",
         show(agent, [](const Snapshot& snapshot) { return json_response(to_json(snapshot)); })},
    });
}

}  // namespace guideway::api
