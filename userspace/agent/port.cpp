// SPDX-License-Identifier: Apache-2.0
#include "agent/port.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <string>
#include <utility>

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
asio::awaitable<std::string> tell(Exchanging& exchanging, std::string instance, std::uint32_t revision) {
    co_return exchanging.tell(instance, revision);
}
}  // namespace

api::AgentPort port_of(PortParts parts) {
    const auto on_loop = [parts](auto work) {
        return asio::co_spawn(parts.loop, std::move(work), asio::use_awaitable);
    };
    return {
        .stalled = [parts] { return parts.heartbeat.stalled(); },
        .readiness = [parts, on_loop] { return on_loop(parts.status.readiness()); },
        .snapshot = [parts](api::Detail detail) { return parts.snapshots.current(detail); },
        .service = [parts](std::string name) { return parts.snapshots.service(std::move(name)); },
        .table = [parts](std::string name,
                         std::uint32_t at_most) { return parts.snapshots.table(std::move(name), at_most); },
        .metrics_detail =
            [parts] {
                return parts.running.backend_metrics ? api::Detail::kBackends : api::Detail::kServices;
            },
        .reload = [parts, on_loop](
                      api::Insistence insistence,
                      api::By by) { return on_loop(parts.reloading.reload(insistence, std::move(by))); },
        .order =
            [parts, on_loop](api::Order order, std::string backend, std::optional<std::string> service,
                             api::Insistence insistence, api::By by) {
                return on_loop(parts.obeying.obey(order, std::move(backend), std::move(service), insistence,
                                                  std::move(by)));
            },
        .history =
            [parts, on_loop](std::string instance, std::uint32_t revision) {
                return on_loop(tell(parts.exchanging, std::move(instance), revision));
            },
        .withdraw = [parts, on_loop](
                        bool withdrawn,
                        api::By by) { return on_loop(parts.obeying.withdraw(withdrawn, std::move(by))); },
        .detach = [parts, on_loop](api::By by) { return on_loop(parts.leaving.detach(std::move(by))); },
        .events = &parts.events.feed(),
    };
}

}  // namespace guideway::agent
