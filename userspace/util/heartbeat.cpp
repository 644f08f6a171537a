// SPDX-License-Identifier: Apache-2.0
#include "util/heartbeat.hpp"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>

namespace guideway {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds kBeat{100};
/// A reload of a large configuration may hold the loop up for a second.
constexpr std::chrono::seconds kStalledAfter{10};
}  // namespace

asio::awaitable<void> Heartbeat::keep_beating(asio::io_context& loop) {
    std::uint64_t watchdog = 0;
    const bool watched = ::sd_watchdog_enabled(0, &watchdog) > 0;
    asio::steady_timer timer(loop);
    for (;;) {
        last_ = Clock::now().time_since_epoch().count();
        if (watched)
            ::sd_notify(0, "WATCHDOG=1");
        timer.expires_after(kBeat);
        const auto due = timer.expiry();
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        const std::chrono::nanoseconds late = Clock::now() - due;
        latest_ = std::max(latest_.load(), late.count());
    }
}

std::string Heartbeat::stalled() const {
    const auto silent = Clock::now() - Clock::time_point(Clock::duration(last_.load()));
    if (silent < kStalledAfter)
        return {};
    return fmt::format("{}'s loop has stood still for {} s; what the kernel holds goes on {}", whose_,
                       std::chrono::duration_cast<std::chrono::seconds>(silent).count(), goes_on_);
}

}  // namespace guideway
