// SPDX-License-Identifier: Apache-2.0
#include "agent/leaving.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <utility>

#include "datapath/counters.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
/// The routers have moved away when no packet came for kQuiet; those that never do are not waited for.
constexpr std::chrono::milliseconds kQuiet{500};
constexpr std::chrono::seconds kMoveAwayWithin{10};
}  // namespace

Leaving::Leaving(Executors& executors, Announcing& announcing, const control::Reconciler& reconciler,
                 const datapath::Maps& maps, EventLog& events, bool detach)
    : executors_(executors),
      announcing_(announcing),
      reconciler_(reconciler),
      maps_(maps),
      events_(events),
      signals_(executors.loop, SIGTERM, SIGINT, SIGHUP),
      detach_(detach) {}

void Leaving::wait_for_signal(std::function<void()> on_hangup) {
    signals_.async_wait([this, on_hangup](const boost::system::error_code& error, int signal) {
        if (error)
            return;
        if (signal == SIGHUP)
            on_hangup();
        else if (std::exchange(leaving_, true))
            return executors_.loop.stop();
        else
            spawn(executors_.loop, leave());
        wait_for_signal(on_hangup);
    });
}

asio::awaitable<api::Outcome> Leaving::detach(api::By by) {
    api::Outcome outcome;
    outcome.did.push_back(fmt::format("the datapath is detached, by {}", by.text()));
    spdlog::info("{}", outcome.did.back());
    events_.note({.kind = api::EventKind::kDetached, .by = std::move(by)});
    detach_ = true;
    if (!std::exchange(leaving_, true))
        spawn(executors_.loop, leave_once_answered());
    co_return outcome;
}

asio::awaitable<void> Leaving::leave() {
    if (announcing_.announcer().active()) {
        spdlog::info("leaving: the routes are marked, then withdrawn");
        co_await announcing_.announcer().leave();
        co_await until_quiet();
    }
    executors_.loop.stop();
}

/// Whoever asked for it is answered before.
asio::awaitable<void> Leaving::leave_once_answered() {
    constexpr std::chrono::milliseconds kAnswered{200};
    asio::steady_timer timer(executors_.loop, kAnswered);
    co_await wait(timer);
    co_await leave();
}

asio::awaitable<void> Leaving::until_quiet() {
    const auto packets = [this] {
        std::uint64_t sum = 0;
        for (const auto& [name, numbers] : reconciler_.numbering().services) {
            if (const auto counters = datapath::service_counters(maps_, numbers.number))
                sum += counters->traffic.packets;
        }
        return sum;
    };
    const auto deadline = control::SteadyClock::now() + kMoveAwayWithin;
    asio::steady_timer timer(executors_.loop);
    std::uint64_t before = 0;
    do {
        before = packets();
        timer.expires_after(kQuiet);
        co_await wait(timer);
    } while (packets() != before && control::SteadyClock::now() < deadline);
}

}  // namespace guideway::agent
