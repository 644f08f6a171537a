// SPDX-License-Identifier: Apache-2.0
#include "api/routes.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>
#include <ranges>
#include <string_view>

#include "api/metrics.hpp"
#include "api/page_files.hpp"
#include "api/snapshot_json.hpp"

namespace guideway::api {

namespace {
using Json = nlohmann::ordered_json;
using Answer = boost::asio::awaitable<HttpResponse>;
using Route = std::function<Answer(const HttpRequest&)>;

constexpr const char* kText = "text/plain; charset=utf-8";
constexpr const char* kJson = "application/json";
/// Each of them waits for the loop, or for those before it.
constexpr int kOrdersUnderWayAtMost = 32;

HttpResponse json_response(const Json& json, unsigned status = 200) {
    return {.status = status,
            .content_type = kJson,
            .body = json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n",
            .source = nullptr};
}

HttpResponse text_response(unsigned status, const std::string& text) {
    return {.status = status, .content_type = kText, .body = text + "\n", .source = nullptr};
}

using View = HttpResponse (*)(std::shared_ptr<const Snapshot>, Detail);

/// A route that shows something of the snapshot.
Route show(const AgentPort& agent, std::function<Detail()> detail, View view) {
    return [agent, detail, view](const HttpRequest&) -> Answer {
        if (auto stalled = agent.stalled(); !stalled.empty())
            co_return text_response(503, stalled);
        const auto wanted = detail();
        auto current = co_await agent.snapshot(wanted);
        co_return current ? view(std::move(*current), wanted) : text_response(500, current.error().message);
    };
}

Detail backends() {
    return Detail::kBackends;
}

Detail services() {
    return Detail::kServices;
}

HttpResponse status_view(std::shared_ptr<const Snapshot> snapshot, Detail /*detail*/) {
    return {.status = 200, .content_type = kJson, .body = {}, .source = status_of(std::move(snapshot))};
}

HttpResponse stats_view(std::shared_ptr<const Snapshot> snapshot, Detail /*detail*/) {
    return json_response(stats_json(*snapshot));
}

HttpResponse metrics_view(std::shared_ptr<const Snapshot> snapshot, Detail detail) {
    return {.status = 200,
            .content_type = kMetricsContentType,
            .body = {},
            .source = metrics_of(std::move(snapshot), detail)};
}

HttpResponse response(const Outcome& outcome) {
    const bool ok = outcome.errors.empty();
    return json_response({{"ok", ok}, {"errors", outcome.errors}, {"did", outcome.did}}, ok ? 200 : 422);
}

HttpResponse refusal(std::string why) {
    Outcome outcome;
    outcome.errors.push_back(std::move(why));
    return response(outcome);
}

/// What orders are under way, so that they cannot pile up.
class OrderGate {
  public:
    explicit OrderGate(std::function<std::string()> stalled) : stalled_(std::move(stalled)) {}

    /// A route that does something, unless the loop stands still or has too much to do.
    static Route guard(const std::shared_ptr<OrderGate>& gate, Route route) {
        return [gate, route](const HttpRequest& request) -> Answer {
            if (auto stalled = gate->stalled_(); !stalled.empty())
                co_return refusal(stalled);
            if (gate->under_way_ >= kOrdersUnderWayAtMost)
                co_return refusal(fmt::format("{} orders are under way; ask again later", gate->under_way_));
            ++gate->under_way_;
            const std::shared_ptr<void> until_the_end(nullptr, [gate](void*) { --gate->under_way_; });
            co_return co_await route(request);
        };
    }

  private:
    std::function<std::string()> stalled_;
    int under_way_ = 0;
};

Insistence insistence_in(const Json& asked) {
    const bool forced = asked.is_object() && asked.value("force", Json()) == true;
    return forced ? Insistence::kForced : Insistence::kAsked;
}

By by(const HttpRequest& request) {
    return {.uid = request.uid, .cause = {}};
}

Route reload(const AgentPort& agent) {
    return [reload = agent.reload](const HttpRequest& request) -> Answer {
        const Json asked = Json::parse(request.body, nullptr, false);
        auto who = by(request);
        const auto outcome = co_await reload(insistence_in(asked), std::move(who));
        co_return response(outcome);
    };
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
            co_return refusal(R"(expected {"backend": NAME or ADDRESS, "service": NAME})");
        auto service = text_in(asked, "service");
        auto who = by(request);
        const auto outcome =
            co_await order(what, *backend, std::move(service), insistence_in(asked), std::move(who));
        co_return response(outcome);
    };
}

Route withdraw(const AgentPort& agent, bool withdrawn) {
    return [withdraw = agent.withdraw, withdrawn](const HttpRequest& request) -> Answer {
        auto who = by(request);
        const auto outcome = co_await withdraw(withdrawn, std::move(who));
        co_return response(outcome);
    };
}

Route detach(const AgentPort& agent) {
    return [detach = agent.detach](const HttpRequest& request) -> Answer {
        auto who = by(request);
        const auto outcome = co_await detach(std::move(who));
        co_return response(outcome);
    };
}

Result<std::uint64_t> number_in(std::string_view text, const std::string& name) {
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size())
        return fail("{}: '{}' is no number", name, text);
    return number;
}

/// Which events are asked for.
struct EventsAsked {
    std::optional<std::uint64_t> since;
    std::optional<std::uint64_t> limit;
};

Result<EventsAsked> events_in(const HttpRequest& request) {
    EventsAsked asked;
    std::string_view rest = request.query;
    while (!rest.empty()) {
        const auto end = std::min(rest.find('&'), rest.size());
        const auto part = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        const auto name_end = std::min(part.find('='), part.size());
        const std::string name(part.substr(0, name_end));
        if (name != "since" && name != "limit")
            return fail("{}: there are only since=ID and limit=N", name);
        const auto number = number_in(part.substr(std::min(name_end + 1, part.size())), name);
        if (!number)
            return std::unexpected(number.error());
        (name == "since" ? asked.since : asked.limit) = *number;
    }
    if (!request.last_event_id.empty()) {
        const auto number = number_in(request.last_event_id, "Last-Event-ID");
        if (!number)
            return std::unexpected(number.error());
        asked.since = *number;
    }
    return asked;
}

HttpResponse list_view(const EventFeed& feed, const EventsAsked& asked) {
    constexpr std::uint64_t kUnlessAsked = 1000;
    const auto limit = std::min<std::uint64_t>(asked.limit.value_or(kUnlessAsked), EventFeed::kKept);
    const auto last = feed.range().last;
    const auto since = asked.since.value_or(last - std::min(last, limit));
    return {.status = 200, .content_type = kJson, .body = {}, .source = event_list(feed, since, limit)};
}

/// Who knows a later one than there is knows those of an agent that has lost them: all here are new to it.
HttpResponse stream_view(EventFeed& feed, const EventsAsked& asked) {
    const auto last = feed.range().last;
    const auto since = asked.since.value_or(last);
    return {.status = 200,
            .content_type = "text/event-stream",
            .body = {},
            .source = nullptr,
            .live = event_stream(feed, since > last ? 0 : since)};
}

/// They are answered while the loop stands still, too.
Route events(const AgentPort& agent) {
    return [feed = agent.events](const HttpRequest& request) -> Answer {
        const auto asked = events_in(request);
        if (!asked)
            co_return text_response(400, asked.error().message);
        if (request.accept.contains("text/event-stream"))
            co_return stream_view(*feed, *asked);
        co_return list_view(*feed, *asked);
    };
}

/// A value of the query; empty if it is not there.
std::string parameter(const std::string& query, std::string_view name) {
    for (const auto part : std::views::split(query, '&')) {
        const std::string_view text(part.begin(), part.end());
        if (text.starts_with(name) && text.substr(name.size()).starts_with('='))
            return std::string(text.substr(name.size() + 1));
    }
    return {};
}

/// Without a revision that can be read: everything.
Route history(const AgentPort& agent) {
    return [agent](const HttpRequest& request) -> Answer {
        if (auto stalled = agent.stalled(); !stalled.empty())
            co_return text_response(503, stalled);
        const auto since = parameter(request.query, "since");
        std::uint32_t revision = 0;
        std::from_chars(since.data(), since.data() + since.size(), revision);
        auto instance = parameter(request.query, "instance");
        auto body = co_await agent.history(std::move(instance), revision);
        co_return HttpResponse{
            .status = 200, .content_type = kJson, .body = std::move(body), .source = nullptr};
    };
}

Route health(const AgentPort& agent) {
    return [stalled = agent.stalled](const HttpRequest&) -> Answer {
        const auto why = stalled();
        co_return why.empty() ? text_response(200, "ok") : text_response(503, why);
    };
}

Route readiness(const AgentPort& agent) {
    return [agent](const HttpRequest&) -> Answer {
        if (auto stalled = agent.stalled(); !stalled.empty())
            co_return text_response(503, stalled);
        const auto ready = co_await agent.readiness();
        if (!ready.not_because.empty())
            co_return text_response(503, ready.not_because);
        std::string text = "ready";
        for (const auto& trouble : ready.degraded)
            text += "\ndegraded: " + trouble;
        co_return text_response(200, text);
    };
}

Route page_file(const PageFile& file) {
    return [file](const HttpRequest&) -> Answer {
        co_return HttpResponse{.status = 200,
                               .content_type = file.content_type,
                               .body = std::string(file.content),
                               .source = nullptr};
    };
}

std::string last_part(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

/// What the page shows: every service in short, and one of them with its backends.
Route page_status(const AgentPort& agent) {
    return [agent](const HttpRequest&) -> Answer {
        if (auto stalled = agent.stalled(); !stalled.empty())
            co_return text_response(503, stalled);
        auto current = co_await agent.snapshot(Detail::kServices);
        if (!current)
            co_return text_response(500, current.error().message);
        co_return HttpResponse{.status = 200,
                               .content_type = kJson,
                               .body = {},
                               .source = page_status_of(std::move(*current), std::nullopt)};
    };
}

Route page_status_with_service(const AgentPort& agent) {
    return [agent](const HttpRequest& request) -> Answer {
        if (auto stalled = agent.stalled(); !stalled.empty())
            co_return text_response(503, stalled);
        auto service = co_await agent.service(last_part(request.path));
        if (!service)
            co_return text_response(500, service.error().message);
        auto current = co_await agent.snapshot(Detail::kServices);
        if (!current)
            co_return text_response(500, current.error().message);
        co_return HttpResponse{.status = 200,
                               .content_type = kJson,
                               .body = {},
                               .source = page_status_of(std::move(*current), std::move(*service))};
    };
}

/// Of a larger table, a part of the slots.
constexpr std::uint32_t kSlotsShownAtMost = 65537;

Route page_table(const AgentPort& agent) {
    return [agent](const HttpRequest& request) -> Answer {
        if (auto stalled = agent.stalled(); !stalled.empty())
            co_return text_response(503, stalled);
        auto table = co_await agent.table(last_part(request.path), kSlotsShownAtMost);
        if (!table)
            co_return text_response(404, "there is no such service");
        co_return HttpResponse{
            .status = 200, .content_type = kJson, .body = {}, .source = page_table_of(std::move(*table))};
    };
}

using Table = std::map<std::string, Route>;

/// `/a/b` is answered by what is there for `/a/b`, or for `/a/*`.
Table::const_iterator find_route(const Table& table, const std::string& method, const std::string& path) {
    const auto route = table.find(method + " " + path);
    if (route != table.end())
        return route;
    return table.find(method + " " + path.substr(0, path.rfind('/') + 1) + "*");
}

HttpResponse refuse(const Table& table, const std::string& path) {
    const bool known =
        find_route(table, "GET", path) != table.end() || find_route(table, "POST", path) != table.end();
    return known ? text_response(405, "method not allowed") : text_response(404, "not found");
}

/// `METHOD /path` to what answers it; HEAD is answered as GET.
HttpServer::Handler routes(Table routes) {
    return [table = std::make_shared<const Table>(std::move(routes))](HttpRequest request) -> Answer {
        const std::string method = request.method == "HEAD" ? "GET" : request.method;
        const auto route = find_route(*table, method, request.path);
        if (route == table->end())
            co_return refuse(*table, request.path);
        co_return co_await route->second(request);
    };
}
}  // namespace

HttpServer::Handler control_routes(AgentPort agent) {
    const auto gate = std::make_shared<OrderGate>(agent.stalled);
    const auto guarded = [&](Route route) { return OrderGate::guard(gate, std::move(route)); };
    return routes({
        {"GET /status", show(agent, backends, status_view)},
        {"GET /stats", show(agent, services, stats_view)},
        {"GET /events", events(agent)},
        {"POST /reload", guarded(reload(agent))},
        {"POST /drain", guarded(order(agent, Order::kDrain))},
        {"POST /undrain", guarded(order(agent, Order::kUndrain))},
        {"POST /enable", guarded(order(agent, Order::kEnable))},
        {"POST /disable", guarded(order(agent, Order::kDisable))},
        {"POST /withdraw", guarded(withdraw(agent, true))},
        {"POST /announce", guarded(withdraw(agent, false))},
        {"POST /detach", guarded(detach(agent))},
    });
}

HttpServer::Handler public_routes(AgentPort agent) {
    Table table = {
        {"GET /healthz", health(agent)},
        {"GET /readyz", readiness(agent)},
        {"GET /metrics", show(agent, agent.metrics_detail, metrics_view)},
        {"GET /status.json", show(agent, backends, status_view)},
        {"GET /events", events(agent)},
        {"GET /history", history(agent)},
        {"GET /page/status", page_status(agent)},
        {"GET /page/status/*", page_status_with_service(agent)},
        {"GET /page/table/*", page_table(agent)},
    };
    for (const auto& file : page_files())
        table["GET " + std::string(file.path)] = page_file(file);
    return routes(std::move(table));
}

}  // namespace guideway::api
