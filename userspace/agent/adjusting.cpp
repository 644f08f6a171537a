// SPDX-License-Identifier: Apache-2.0
#include "agent/adjusting.hpp"

#include <chrono>
#include <optional>
#include <utility>

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds kOnTheLoopAtMost{5};
}  // namespace

Adjusting::Adjusting(Executors& executors, const RunningConfig& running, control::Conditions& conditions,
                     control::Reconciler& reconciler, NextHopUpdates& next_hops, Snapshots& snapshots,
                     std::function<void()> on_adjusted)
    : executors_(executors),
      running_(running),
      conditions_(conditions),
      reconciler_(reconciler),
      next_hops_(next_hops),
      snapshots_(snapshots),
      on_adjusted_(std::move(on_adjusted)),
      computing_(executors.loop),
      adjusted_(executors.loop, asio::steady_timer::time_point::max()),
      step_timer_(executors.loop) {}

void Adjusting::adjust() {
    if (is_computing_)
        return;
    const auto now = control::SteadyClock::now();
    for (const auto service :
         reconciler_.adjust(conditions_.changed(now), next_hops_.by(running_.config), now, kOnTheLoopAtMost))
        snapshots_.table_changed(service, std::nullopt);
    if (reconciler_.has_postponed()) {
        is_computing_ = true;
        spawn(executors_.loop, adjust_beside());
    } else {
        adjusted_.cancel();
    }
    on_adjusted_();
    step_later();
}

/// Tables of which much changes: 999 of 1,000 backends take tens of milliseconds, in which the loop goes on.
asio::awaitable<void> Adjusting::adjust_beside() {
    {
        const auto turn = co_await compute();
        reconciler_.begin_postponed();
        co_await in_pool(executors_.computing, [&] {
            reconciler_.compute_postponed();
            return true;
        });
        for (const auto service : reconciler_.store_postponed(control::SteadyClock::now()))
            snapshots_.table_changed(service, std::nullopt);
    }
    adjust();
}

asio::awaitable<std::shared_ptr<void>> Adjusting::compute() {
    auto locked = co_await computing_.lock();
    is_computing_ = true;
    co_return std::shared_ptr<void>(nullptr, [this, locked](void*) { is_computing_ = false; });
}

asio::awaitable<void> Adjusting::settled() {
    while (is_computing_)
        co_await wait(adjusted_);
}

void Adjusting::step_later() {
    const auto due = conditions_.next_step(control::SteadyClock::now());
    if (!due)
        return;
    step_timer_.expires_at(*due);
    step_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error)
            adjust();
    });
}

}  // namespace guideway::agent
