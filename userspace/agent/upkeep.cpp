// SPDX-License-Identifier: Apache-2.0
/// What the agent does beside reloads: what it recalls at the start, operators' orders, slow starts, and
/// sweeps while slots move.
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

#include <algorithm>

#include "agent/agent.hpp"
#include "control/renamed_services.hpp"
#include "datapath/flow_records.hpp"
#include "datapath/readers.hpp"

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
constexpr std::chrono::milliseconds kSweepInterval{500};
/// Where nothing moves, sweeps only take away the records of flows that ended.
constexpr std::chrono::seconds kIdleSweepInterval{5};
constexpr std::chrono::milliseconds kRememberedWithin{100};
constexpr std::chrono::seconds kLookInterval{1};
/// A table is full but for so small a part of it: records end while they are counted.
constexpr std::uint32_t kNearlyFull = 20;
constexpr std::chrono::milliseconds kOnTheLoopAtMost{5};

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

control::Overrides renamed(control::Overrides overrides, const control::Renames& renames) {
    control::rename_services(overrides.drained, renames);
    control::rename_services(overrides.disabled, renames);
    return overrides;
}
}  // namespace

/// What an earlier agent was told by hand, and how far it had come with slow starts; of services that were
/// renamed meanwhile, too.
control::Renames Agent::recall_conditions() {
    const auto now = control::SteadyClock::now();
    const auto renames = control::renamed_since(datapath_.maps(), reconciler_.numbering(), options_.config);
    reconciler_.rename(renames);
    conditions_.configure(options_.config, now);
    if (auto overrides = overrides_file_.read())
        conditions_.set_overrides(renamed(std::move(*overrides), renames), now);
    else
        spdlog::error("{}; nothing is taken to be drained, disabled or withdrawn by hand",
                      overrides.error().message);
    for (const auto& [name, service] : reconciler_.numbering().services) {
        for (const auto& backend : service.backends) {
            const auto& entry = datapath_.maps().backend(service.region.first + backend.number);
            conditions_.resume({name, backend.address}, entry.availability, now);
        }
    }
    return renames;
}

/// Until they are judged anew, backends are as an earlier agent left them in the kernel; but those that it
/// knew to be down are, though panic had them serve. Of one that had no share, and was not down (drained,
/// removed, new), nothing is known: its flows stay, and it serves once it is judged to be up.
Result<void> Agent::recall_health(const control::Renames& renames) {
    auto known = health_file_.read();
    if (known)
        control::rename_services(*known, renames);
    if (!known) {
        spdlog::error("{}; who was flapping is not held down", known.error().message);
        known = Knowledge{};
    }
    return health_.follow(options_.config, [&](const control::BackendId& backend) {
        const auto* entry = entry_in_kernel(backend);
        auto last = (*known)[backend];
        if (last.state != health::State::kDown)
            last.state =
                entry != nullptr && entry->availability > 0 ? health::State::kUp : health::State::kUnknown;
        if (entry != nullptr && (entry->flags & abi::BACKEND_ALIVE) == 0)
            conditions_.set_dead(backend);
        return last;
    });
}

/// As an earlier agent left it; null if it had no such backend.
const abi::backend* Agent::entry_in_kernel(const control::BackendId& backend) const {
    const auto& services = reconciler_.numbering().services;
    const auto service = services.find(backend.service);
    if (service == services.end() || service->second.find(backend.address) == nullptr)
        return nullptr;
    return &datapath_.maps().backend(service->second.index_of(backend.address));
}

/// Together with what else is judged about now.
void Agent::remember_health_later() {
    if (!std::exchange(remembering_, true))
        spawn(remember_health());
}

asio::awaitable<void> Agent::remember_health() {
    asio::steady_timer timer(loop_, kRememberedWithin);
    co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
    remembering_ = false;
    const auto known = health_.known();
    const auto written = co_await in_pool(files_, [&] { return health_file_.write(known); });
    if (!written)
        spdlog::error("{}", written.error().message);
}

/// Written down before it holds: an agent that is restarted must not forget it.
asio::awaitable<Result<void>> Agent::obey(api::Order order, std::string backend,
                                          std::optional<std::string> service, api::Insistence insistence) {
    const auto turn = co_await ordering_.enter();
    if (changing_names_)
        static_cast<void>(co_await compute());
    const auto backends = conditions_.find(backend, service);
    if (!backends)
        co_return std::unexpected(backends.error());
    auto overrides = conditions_.overrides();
    for (const auto& id : *backends)
        obey_in(overrides, order, id);
    if (overrides == conditions_.overrides())
        co_return Result<void>{};
    if (insistence != api::Insistence::kForced) {
        const auto left = services_left_without(conditions_, overrides, options_.config);
        if (!left.empty())
            co_return fail(
                "{} is the last backend that serves {}: new connections would be dropped, and "
                "those that there are {}; use --force if that is meant",
                backend, fmt::join(left, " and "), order == api::Order::kDrain ? "go on" : "given up");
    }
    const auto written = co_await in_pool(files_, [&] { return overrides_file_.write(overrides); });
    if (!written)
        co_return written;
    conditions_.set_overrides(std::move(overrides), control::SteadyClock::now());
    health_.heed_orders(options_.config, *backends);
    adjust();
    while (is_computing_)
        co_await adjusted_.async_wait(asio::as_tuple(asio::use_awaitable));
    snapshots_.outdated();
    co_return Result<void>{};
}

/// Once a second, what is on disk is compared with what should be. Nothing waits for it: a file system may
/// hang.
asio::awaitable<void> Agent::keep_directories() {
    asio::steady_timer timer(loop_);
    for (;;) {
        timer.expires_after(kLookInterval);
        co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto repaired = co_await repair_runtime_dir();
        disk_trouble_.tell(repaired);
        if (repaired.value_or(false))
            spdlog::warn("{}: it, or the control socket in it, had gone; it is there again",
                         options_.config.runtime_dir);
        const auto turn = co_await ordering_.enter();
        const auto overrides = conditions_.overrides();
        const auto written = co_await in_pool(files_, [&] { return overrides_file_.repair(overrides); });
        state_trouble_.tell(written);
        if (written.value_or(false))
            spdlog::warn("what was said by hand had gone from {}; it is there again",
                         config::state_dir_of(options_.config));
    }
}

/// Whoever removed it took the control socket along, and what is remembered there.
asio::awaitable<Result<bool>> Agent::repair_runtime_dir() {
    const auto& directory = options_.config.runtime_dir;
    const bool gone = !runtime_lock_.holds(directory);
    if (gone) {
        auto lock = ExclusiveLock::make_and_take(directory);
        if (!lock)
            co_return std::unexpected(lock.error());
        runtime_lock_ = std::move(*lock);
        remember_health_later();
    }
    const auto repaired = co_await servers_.repair();
    if (!repaired)
        co_return repaired;
    co_return gone || *repaired;
}

/// Makes the kernel follow the backends' conditions; what is computing does it when it ends.
void Agent::adjust() {
    if (is_computing_)
        return;
    const auto now = control::SteadyClock::now();
    for (const auto service :
         reconciler_.adjust(conditions_.changed(now), next_hops_for(options_.config), now, kOnTheLoopAtMost))
        snapshots_.table_changed(service, std::nullopt);
    if (reconciler_.has_postponed()) {
        is_computing_ = true;
        spawn(adjust_beside());
    } else {
        adjusted_.cancel();
    }
    announce();
    step_later();
    sweep_later();
}

/// Tables of which much changes: 999 of 1,000 backends take tens of milliseconds, in which the loop goes on.
asio::awaitable<void> Agent::adjust_beside() {
    {
        const auto turn = co_await compute();
        co_await in_pool(pool_, [&] {
            reconciler_.compute_postponed();
            return true;
        });
        for (const auto service : reconciler_.store_postponed(control::SteadyClock::now()))
            snapshots_.table_changed(service, std::nullopt);
    }
    adjust();
}

asio::awaitable<std::shared_ptr<void>> Agent::compute() {
    auto turn = co_await computing_.enter();
    is_computing_ = true;
    co_return std::shared_ptr<void>(nullptr, [this, turn](void*) { is_computing_ = false; });
}

void Agent::step_later() {
    const auto due = conditions_.next_step(control::SteadyClock::now());
    if (!due)
        return;
    step_timer_.expires_at(*due);
    step_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error)
            adjust();
    });
}

void Agent::sweep_later() {
    if (sweeping_ && reconciler_.is_moving())
        sweep_timer_.cancel();
    if (sweeping_ || !reconciler_.needs_sweeps())
        return;
    sweeping_ = true;
    spawn(keep_sweeping());
}

asio::awaitable<void> Agent::keep_sweeping() {
    const std::shared_ptr<void> until_the_end(nullptr, [this](void*) { sweeping_ = false; });
    std::string last_error;
    while (reconciler_.needs_sweeps()) {
        sweep_timer_.expires_after(reconciler_.is_moving() ? kSweepInterval : kIdleSweepInterval);
        co_await sweep_timer_.async_wait(asio::as_tuple(asio::use_awaitable));
        const auto turn = co_await turnstile_.enter();
        const auto swept = co_await sweep();
        if (!swept && swept.error().message != last_error)
            spdlog::error("{}; slots go on moving", last_error = swept.error().message);
        note_refused_records();
        note_refused_flows();
    }
    flow_trouble_.clear();
}

/// As the last pass found it.
void Agent::note_refused_flows() {
    flow_trouble_.clear();
    if (reconciler_.lives().refused_lately() == 0)
        return;
    const auto room = datapath_.maps().geometry().max_flows;
    if (reconciler_.lives().found() >= room - room / kNearlyFull)
        flow_trouble_ = fmt::format(
            "the flow table is full ({} records, datapath.max_flows): flows that find no room "
            "are not recorded, and may move when their slots do",
            room);
    else
        flow_trouble_ = "more flows begin at a time than can be recorded: those may move when their slots do";
}

void Agent::note_refused_records() {
    const auto now = control::SteadyClock::now();
    health_.set_records_refused([&](const std::string& service) {
        const auto numbers = reconciler_.numbering().services.find(service);
        return numbers != reconciler_.numbering().services.end() &&
               reconciler_.lives().refuses_records(numbers->second.number, now);
    });
}

/// One pass. The caller holds turnstile_.
asio::awaitable<Result<void>> Agent::sweep() {
    if (auto begun = reconciler_.begin_sweep(control::SteadyClock::now()); !begun)
        co_return begun;
    co_await in_pool(pool_, [] {
        datapath::wait_for_readers();
        return true;
    });
    datapath::FlowScan scan(datapath_.maps());
    while (!scan.done()) {
        const auto entries = co_await in_pool(pool_, [&] { return scan.next(); });
        if (!entries)
            co_return std::unexpected(entries.error());
        if (auto swept = reconciler_.sweep(*entries); !swept)
            co_return swept;
    }
    reconciler_.end_sweep();
    announce();
    co_return Result<void>{};
}

}  // namespace guideway::agent
