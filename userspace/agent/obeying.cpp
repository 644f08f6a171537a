// SPDX-License-Identifier: Apache-2.0
#include "agent/obeying.hpp"

#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
void obey_in(control::Overrides& overrides, api::Order order, const control::BackendId& backend) {
    switch (order) {
        case api::Order::kDrain:
            overrides.drained.insert(backend);
            return;
        case api::Order::kUndrain:
            overrides.drained.erase(backend);
            return;
        case api::Order::kDisable:
            overrides.disabled.insert(backend);
            return;
        case api::Order::kEnable:
            overrides.disabled.erase(backend);
            return;
    }
}

bool holds(const control::Overrides& overrides, api::Order order, const control::BackendId& backend) {
    switch (order) {
        case api::Order::kDrain:
            return overrides.drained.contains(backend);
        case api::Order::kUndrain:
            return !overrides.drained.contains(backend);
        case api::Order::kDisable:
            return overrides.disabled.contains(backend);
        case api::Order::kEnable:
            break;
    }
    return !overrides.disabled.contains(backend);
}

api::EventKind kind_of(api::Order order) {
    switch (order) {
        case api::Order::kDrain:
            return api::EventKind::kDrained;
        case api::Order::kUndrain:
            return api::EventKind::kUndrained;
        case api::Order::kDisable:
            return api::EventKind::kDisabled;
        case api::Order::kEnable:
            break;
    }
    return api::EventKind::kEnabled;
}

api::Outcome refused(Error error) {
    api::Outcome outcome;
    outcome.errors.push_back(std::move(error.message));
    return outcome;
}

/// Services in which somebody serves now, and nobody would under these orders.
std::vector<std::string> services_left_without(const control::Conditions& conditions,
                                               const control::Overrides& overrides,
                                               const config::Config& config) {
    const auto now = control::SteadyClock::now();
    const auto serves = [now](const control::Conditions& under, const config::Service& service) {
        return std::ranges::any_of(service.backends, [&](const config::Backend& backend) {
            return backend.weight > 0 && under.at({service.name, backend.address}, now).availability > 0;
        });
    };
    auto then = conditions;
    then.set_overrides(overrides, now);
    std::vector<std::string> left;
    for (const auto& service : config.services) {
        if (serves(conditions, service) && !serves(then, service))
            left.push_back(fmt::format("'{}'", service.name));
    }
    return left;
}

/// Errors: nobody would serve under these orders where somebody serves now.
Result<void> leaves_somebody(const control::Conditions& conditions, const control::Overrides& overrides,
                             const config::Config& config, api::Order order, const std::string& backend) {
    const auto left = services_left_without(conditions, overrides, config);
    if (left.empty())
        return {};
    return fail(
        "{} is the last backend that serves {}: new connections would be dropped, and those that there are "
        "{}; use --force if that is meant",
        backend, fmt::join(left, " and "), order == api::Order::kDrain ? "go on" : "given up");
}
}  // namespace

Obeying::Obeying(Executors& executors, CoroutineMutex& orders, const RunningConfig& running,
                 control::Conditions& conditions, HealthWatch& health, Remembering& remembering,
                 Adjusting& adjusting, Announcing& announcing, EventLog& events, Snapshots& snapshots)
    : executors_(executors),
      orders_(orders),
      running_(running),
      conditions_(conditions),
      health_(health),
      remembering_(remembering),
      adjusting_(adjusting),
      announcing_(announcing),
      events_(events),
      snapshots_(snapshots) {}

asio::awaitable<api::Outcome> Obeying::obey(api::Order order, std::string backend,
                                            std::optional<std::string> service, api::Insistence insistence,
                                            api::By by) {
    const auto locked = co_await orders_.lock();
    if (running_.names_are_changing)
        static_cast<void>(co_await adjusting_.compute());  // until they have
    const auto backends = conditions_.find(backend, service);
    if (!backends)
        co_return refused(backends.error());
    const auto before = conditions_.overrides();
    auto overrides = before;
    for (const auto& id : *backends)
        obey_in(overrides, order, id);
    if (overrides == before)
        co_return tell(order, *backends, before, by);
    if (insistence != api::Insistence::kForced) {
        if (auto left = leaves_somebody(conditions_, overrides, running_.config, order, backend); !left)
            co_return refused(left.error());
    }
    if (auto written = co_await remembering_.remember(overrides); !written)
        co_return refused(written.error());
    conditions_.set_overrides(std::move(overrides), control::SteadyClock::now());
    auto outcome = tell(order, *backends, before, by);
    health_.heed_orders(running_.config, *backends);
    adjusting_.adjust();
    co_await adjusting_.settled();
    snapshots_.outdated();
    co_return outcome;
}

/// Logs what an order changed, and notes it.
api::Outcome Obeying::tell(api::Order order, const std::vector<control::BackendId>& backends,
                           const control::Overrides& before, const api::By& by) {
    const auto kind = kind_of(order);
    api::Outcome outcome;
    for (const auto& id : backends) {
        const auto address = id.address.text();
        if (holds(before, order, id)) {
            outcome.did.push_back(fmt::format("{}: {} was {} already", id.service, address, text(kind)));
            continue;
        }
        outcome.did.push_back(fmt::format("{}: {} is {}, by {}", id.service, address, text(kind), by.text()));
        spdlog::info("{}", outcome.did.back());
        events_.note({.kind = kind, .service = id.service, .backend = address, .by = by});
    }
    return outcome;
}

asio::awaitable<api::Outcome> Obeying::withdraw(bool withdrawn, api::By by) {
    const auto locked = co_await orders_.lock();
    auto& announcer = announcing_.announcer();
    auto overrides = conditions_.overrides();
    const auto kind = withdrawn ? api::EventKind::kWithdrawn : api::EventKind::kAnnounced;
    api::Outcome outcome;
    if (!announcer.active() || overrides.withdrawn == withdrawn) {
        outcome.did.push_back(announcer.active()
                                  ? fmt::format("this balancer was {} already", text(kind))
                                  : "nothing is announced: the configuration has no bgp section");
        co_return outcome;
    }
    overrides.withdrawn = withdrawn;
    if (auto written = co_await remembering_.remember(overrides); !written)
        co_return refused(written.error());
    outcome.did.push_back(fmt::format("this balancer is {}, by {}", text(kind), by.text()));
    spdlog::info("{}", outcome.did.back());
    events_.note({.kind = kind, .by = std::move(by)});
    conditions_.set_overrides(std::move(overrides), control::SteadyClock::now());
    if (withdrawn)
        spawn(executors_.loop, announcer.withdraw());
    else
        announcer.announce();
    announcing_.announce();
    snapshots_.outdated();
    co_return outcome;
}

}  // namespace guideway::agent
