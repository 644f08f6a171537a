// SPDX-License-Identifier: Apache-2.0
#include "agent/remembering.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds kRememberedWithin{100};
constexpr std::chrono::seconds kLookInterval{1};
}  // namespace

Remembering::Remembering(Executors& executors, CoroutineMutex& orders, const RunningConfig& running,
                         ExclusiveLock runtime_lock, OverridesFile overrides,
                         const control::Conditions& conditions, const HealthWatch& health,
                         api::Servers& servers)
    : executors_(executors),
      orders_(orders),
      running_(running),
      runtime_lock_(std::move(runtime_lock)),
      overrides_file_(std::move(overrides)),
      health_file_(running.config.runtime_dir),
      conditions_(conditions),
      health_(health),
      servers_(servers) {}

asio::awaitable<Result<void>> Remembering::remember(control::Overrides overrides) {
    co_return co_await in_pool(executors_.files, [&] { return overrides_file_.write(overrides); });
}

void Remembering::remember_health_soon() {
    if (!std::exchange(health_is_due_, true))
        spawn(executors_.loop, remember_health_later());
}

asio::awaitable<void> Remembering::remember_health_later() {
    asio::steady_timer timer(executors_.loop, kRememberedWithin);
    co_await wait(timer);
    health_is_due_ = false;
    const auto known = health_.known();
    const auto written = co_await in_pool(executors_.files, [&] { return health_file_.write(known); });
    if (!written)
        spdlog::error("{}", written.error().message);
}

void Remembering::remember_health() {
    if (auto written = health_file_.write(health_.known()); !written)
        spdlog::error("{}", written.error().message);
}

asio::awaitable<void> Remembering::keep_repairing() {
    asio::steady_timer timer(executors_.loop);
    for (;;) {
        timer.expires_after(kLookInterval);
        co_await wait(timer);
        const auto repaired = co_await repair_runtime_dir();
        runtime_trouble_.tell(repaired);
        if (repaired.value_or(false))
            spdlog::warn("{}: it, or the control socket in it, had gone; it is there again",
                         running_.config.runtime_dir);
        co_await repair_overrides();
    }
}

/// Whoever removed it took the control socket along, and what is remembered there.
asio::awaitable<Result<bool>> Remembering::repair_runtime_dir() {
    const auto& directory = running_.config.runtime_dir;
    const bool gone = !runtime_lock_.holds(directory);
    if (gone) {
        auto lock = ExclusiveLock::make_and_take(directory);
        if (!lock)
            co_return std::unexpected(lock.error());
        runtime_lock_ = std::move(*lock);
        remember_health_soon();
    }
    const auto repaired = co_await servers_.repair();
    if (!repaired)
        co_return repaired;
    co_return gone || *repaired;
}

asio::awaitable<void> Remembering::repair_overrides() {
    const auto locked = co_await orders_.lock();
    const auto overrides = conditions_.overrides();
    const auto written =
        co_await in_pool(executors_.files, [&] { return overrides_file_.repair(overrides); });
    overrides_trouble_.tell(written);
    if (written.value_or(false))
        spdlog::warn("what was said by hand had gone from {}; it is there again",
                     config::state_dir_of(running_.config));
}

}  // namespace guideway::agent
