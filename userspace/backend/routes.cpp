// SPDX-License-Identifier: Apache-2.0
#include "backend/routes.hpp"

#include <fmt/format.h>

#include <map>
#include <utility>

#include "api/metrics.hpp"

namespace guideway::backend {

namespace {
using Json = nlohmann::ordered_json;
using Answer = boost::asio::awaitable<api::HttpResponse>;
using Route = std::function<Answer(const api::HttpRequest&)>;
using Table = std::map<std::string, Route>;
using Made = std::shared_ptr<const Snapshot>;

constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kJson = "application/json";

api::HttpResponse response(unsigned status, const char* type, std::string body) {
    return {.status = status, .content_type = type, .body = std::move(body), .source = nullptr};
}

/// A text that is made where the servers make long bodies.
class Text final : public api::BodySource {
  public:
    Text(Made snapshot, std::string (*make)(const Snapshot&)) : snapshot_(std::move(snapshot)), make_(make) {}
    std::string next() override {
        const auto snapshot = std::exchange(snapshot_, nullptr);
        return snapshot ? make_(*snapshot) : std::string{};
    }

  private:
    Made snapshot_;
    std::string (*make_)(const Snapshot&);
};

std::string status_text(const Snapshot& snapshot) {
    return to_json(snapshot).dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Route show(const HelperPort& port, const char* type, std::string (*make)(const Snapshot&)) {
    return [port, type, make](const api::HttpRequest&) -> Answer {
        if (auto stalled = port.stalled(); !stalled.empty())
            co_return response(503, kText, stalled + "\n");
        auto snapshot = co_await port.snapshot();
        auto shown = response(200, type, {});
        shown.source = std::make_unique<Text>(std::move(snapshot), make);
        co_return shown;
    };
}

Route reload(const HelperPort& port) {
    return [port](const api::HttpRequest& request) -> Answer {
        api::By by{.uid = request.uid, .cause = {}};
        std::vector<std::string> errors, did;
        if (auto stalled = port.stalled(); !stalled.empty())
            errors.push_back(std::move(stalled));
        else
            errors = co_await port.reload(by);
        if (errors.empty())
            did.push_back(fmt::format("reloaded, by {}", by.text()));
        const Json outcome = {{"ok", errors.empty()}, {"errors", errors}, {"did", did}};
        co_return response(errors.empty() ? 200 : 422, kJson,
                           outcome.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
    };
}

Route health(const HelperPort& port) {
    return [port](const api::HttpRequest&) -> Answer {
        const auto why = port.stalled();
        co_return response(why.empty() ? 200 : 503, kText, (why.empty() ? "ok" : why) + "\n");
    };
}

Route readiness(const HelperPort& port) {
    return [port](const api::HttpRequest&) -> Answer {
        if (auto stalled = port.stalled(); !stalled.empty())
            co_return response(503, kText, stalled + "\n");
        const auto snapshot = co_await port.snapshot();
        if (const auto fault = snapshot->fault(); !fault.empty())
            co_return response(503, kText, fault + "\n");
        std::string text = "ready\n";
        for (const auto& trouble : snapshot->degraded)
            text += fmt::format("degraded: {}\n", trouble);
        co_return response(200, kText, std::move(text));
    };
}

/// `METHOD /path` to what answers it; HEAD is answered as GET.
api::HttpServer::Handler routes(Table table) {
    return [table = std::make_shared<const Table>(std::move(table))](api::HttpRequest request) -> Answer {
        const std::string method = request.method == "HEAD" ? "GET" : request.method;
        const auto route = table->find(method + " " + request.path);
        if (route != table->end())
            co_return co_await route->second(request);
        const bool known = table->contains("GET " + request.path) || table->contains("POST " + request.path);
        co_return known ? response(405, kText, "method not allowed\n") : response(404, kText, "not found\n");
    };
}
}  // namespace

api::HttpServer::Handler control_routes(HelperPort port) {
    return routes({{"GET /status", show(port, kJson, status_text)}, {"POST /reload", reload(port)}});
}

api::HttpServer::Handler public_routes(HelperPort port) {
    return routes({
        {"GET /healthz", health(port)},
        {"GET /readyz", readiness(port)},
        {"GET /metrics", show(port, api::kMetricsContentType, metrics_of)},
        {"GET /status.json", show(port, kJson, status_text)},
    });
}

}  // namespace guideway::backend
