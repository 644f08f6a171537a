// SPDX-License-Identifier: Apache-2.0
#include "agent/sweeping.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <utility>

#include "datapath/flow_records.hpp"
#include "datapath/rcu.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds kSweepInterval{500};
/// Where nothing moves, sweeps only take away the records of flows that ended.
constexpr std::chrono::seconds kIdleSweepInterval{5};
/// A table is full but for so small a part of it: records end while they are counted.
constexpr std::uint32_t kNearlyFull = 20;
}  // namespace

Sweeping::Sweeping(Executors& executors, CoroutineMutex& changes, control::Reconciler& reconciler,
                   const datapath::Maps& maps, HealthWatch& health, std::function<void()> on_swept)
    : executors_(executors),
      changes_(changes),
      reconciler_(reconciler),
      maps_(maps),
      health_(health),
      on_swept_(std::move(on_swept)),
      timer_(executors.loop) {}

void Sweeping::begin_if_needed() {
    if (sweeping_ && reconciler_.is_moving())
        timer_.cancel();
    if (sweeping_ || !reconciler_.needs_sweeps())
        return;
    sweeping_ = true;
    spawn(executors_.loop, keep_sweeping());
}

asio::awaitable<void> Sweeping::keep_sweeping() {
    const std::shared_ptr<void> until_the_end(nullptr, [this](void*) { sweeping_ = false; });
    std::string last_error;
    while (reconciler_.needs_sweeps()) {
        timer_.expires_after(reconciler_.is_moving() ? kSweepInterval : kIdleSweepInterval);
        co_await wait(timer_);
        const auto locked = co_await changes_.lock();
        const auto swept = co_await sweep();
        if (!swept && swept.error().message != last_error)
            spdlog::error("{}; slots go on moving", last_error = swept.error().message);
        note_refused_records();
        note_refused_flows();
    }
    refused_flows_.clear();
}

void Sweeping::note_refused_flows() {
    refused_flows_.clear();
    if (reconciler_.lives().refused_lately() == 0)
        return;
    const auto room = maps_.geometry().max_flows;
    if (reconciler_.lives().found() >= room - room / kNearlyFull)
        refused_flows_ = fmt::format(
            "the flow table is full ({} records, datapath.max_flows): flows that find no room "
            "are not recorded, and may move when their slots do",
            room);
    else
        refused_flows_ =
            "more flows begin at a time than can be recorded: those may move when their slots do";
}

void Sweeping::note_refused_records() {
    const auto now = control::SteadyClock::now();
    health_.set_records_refused([&](const std::string& service) {
        const auto numbers = reconciler_.numbering().services.find(service);
        return numbers != reconciler_.numbering().services.end() &&
               reconciler_.lives().refuses_records(numbers->second.number, now);
    });
}

asio::awaitable<Result<void>> Sweeping::sweep() {
    if (auto begun = reconciler_.begin_sweep(control::SteadyClock::now()); !begun)
        co_return begun;
    co_await in_pool(executors_.computing, [] {
        datapath::wait_for_rcu_grace_period();
        return true;
    });
    datapath::FlowScan scan(maps_);
    while (!scan.done()) {
        const auto entries = co_await in_pool(executors_.computing, [&] { return scan.next(); });
        if (!entries)
            co_return std::unexpected(entries.error());
        if (auto swept = reconciler_.sweep(*entries); !swept)
            co_return swept;
    }
    reconciler_.end_sweep();
    on_swept_();
    co_return Result<void>{};
}

}  // namespace guideway::agent
