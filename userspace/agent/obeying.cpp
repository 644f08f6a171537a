// SPDX-License-Identifier: Apache-2.0
#include "agent/obeying.hpp"

#include <fmt/ranges.h>

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
                 Adjusting& adjusting, Announcing& announcing, Snapshots& snapshots)
    : executors_(executors),
      orders_(orders),
      running_(running),
      conditions_(conditions),
      health_(health),
      remembering_(remembering),
      adjusting_(adjusting),
      announcing_(announcing),
      snapshots_(snapshots) {}

asio::awaitable<Result<void>> Obeying::obey(api::Order order, std::string backend,
                                            std::optional<std::string> service, api::Insistence insistence) {
    const auto locked = co_await orders_.lock();
    if (running_.names_are_changing)
        static_cast<void>(co_await adjusting_.compute());  // until they have
    const auto backends = conditions_.find(backend, service);
    if (!backends)
        co_return std::unexpected(backends.error());
    auto overrides = conditions_.overrides();
    for (const auto& id : *backends)
        obey_in(overrides, order, id);
    if (overrides == conditions_.overrides())
        co_return Result<void>{};
    if (insistence != api::Insistence::kForced) {
        if (auto left = leaves_somebody(conditions_, overrides, running_.config, order, backend); !left)
            co_return left;
    }
    if (auto written = co_await remembering_.remember(overrides); !written)
        co_return written;
    conditions_.set_overrides(std::move(overrides), control::SteadyClock::now());
    health_.heed_orders(running_.config, *backends);
    adjusting_.adjust();
    co_await adjusting_.settled();
    snapshots_.outdated();
    co_return Result<void>{};
}

asio::awaitable<Result<void>> Obeying::withdraw(bool withdrawn) {
    const auto locked = co_await orders_.lock();
    auto& announcer = announcing_.announcer();
    auto overrides = conditions_.overrides();
    if (!announcer.active() || overrides.withdrawn == withdrawn)
        co_return Result<void>{};
    overrides.withdrawn = withdrawn;
    if (auto written = co_await remembering_.remember(overrides); !written)
        co_return written;
    conditions_.set_overrides(std::move(overrides), control::SteadyClock::now());
    if (withdrawn)
        spawn(executors_.loop, announcer.withdraw());
    else
        announcer.announce();
    announcing_.announce();
    snapshots_.outdated();
    co_return Result<void>{};
}

}  // namespace guideway::agent
