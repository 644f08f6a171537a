// SPDX-License-Identifier: Apache-2.0
#include "api/routes.hpp"

#include <nlohmann/json.hpp>

#include "api/metrics.hpp"
#include "api/snapshot_json.hpp"

namespace guideway::api {

namespace {
using Json = nlohmann::ordered_json;
using Route = std::function<HttpResponse()>;

constexpr const char* kText = "text/plain; charset=utf-8";

HttpResponse json_response(const Json& json, unsigned status = 200) {
    return {.status = status, .content_type = "application/json", .body = json.dump(2) + "\n"};
}

HttpResponse text_response(unsigned status, const std::string& text) {
    return {.status = status, .content_type = kText, .body = text + "\n"};
}

/// A route that shows something of the snapshot.
Route show(const AgentPort& agent, std::function<HttpResponse(const Snapshot&)> view) {
    return [snapshot = agent.snapshot, view] {
        const auto current = snapshot();
        return current ? view(**current) : text_response(500, current.error().message);
    };
}

HttpResponse reload(const AgentPort& agent) {
    const auto errors = agent.reload();
    return json_response({{"ok", errors.empty()}, {"errors", errors}}, errors.empty() ? 200 : 422);
}

/// `METHOD /path` to what answers it; HEAD is answered as GET.
HttpServer::Handler routes(std::map<std::string, Route> table) {
    return [table = std::move(table)](const HttpRequest& request) {
        const std::string method = request.method == "HEAD" ? "GET" : request.method;
        const auto route = table.find(method + " " + request.path);
        if (route != table.end())
            return route->second();
        const bool known = table.contains("GET " + request.path) || table.contains("POST " + request.path);
        return known ? text_response(405, "method not allowed") : text_response(404, "not found");
    };
}
}  // namespace

HttpServer::Handler control_routes(AgentPort agent) {
    return routes({
        {"GET /status",
         show(agent, [](const Snapshot& snapshot) { return json_response(to_json(snapshot)); })},
        {"GET /stats",
         show(agent, [](const Snapshot& snapshot) { return json_response(stats_json(snapshot)); })},
        {"POST /reload", [agent] { return reload(agent); }},
    });
}

HttpServer::Handler public_routes(AgentPort agent) {
    const auto ready = [](const Snapshot& snapshot) {
        const std::string reason = not_ready_because(snapshot);
        return reason.empty() ? text_response(200, "ready") : text_response(503, reason);
    };
    return routes({
        {"GET /healthz", [] { return text_response(200, "ok"); }},
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
