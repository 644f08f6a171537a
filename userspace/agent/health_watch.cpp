// SPDX-License-Identifier: Apache-2.0
#include "agent/health_watch.hpp"

#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "agent/next_hop_choice.hpp"

namespace guideway::agent {

using control::BackendId;

namespace {
api::EventKind kind_of(health::Transition::Kind kind) {
    using Kind = health::Transition::Kind;
    switch (kind) {
        case Kind::kUp:
            return api::EventKind::kUp;
        case Kind::kDown:
            return api::EventKind::kDown;
        case Kind::kDiagnosed:
            return api::EventKind::kDiagnosed;
        case Kind::kDead:
            return api::EventKind::kGivenUp;
        case Kind::kPanic:
            return api::EventKind::kPanic;
        case Kind::kPanicOver:
            return api::EventKind::kPanicOver;
        case Kind::kUntried:
            return api::EventKind::kUntried;
        case Kind::kTried:
            break;
    }
    return api::EventKind::kTried;
}
}  // namespace

HealthWatch::HealthWatch(boost::asio::io_context& loop, control::Conditions& conditions, EventLog& events,
                         std::function<void()> on_change, std::function<void()> on_judged,
                         std::function<void()> catch_up)
    : loop_(loop),
      conditions_(conditions),
      events_(events),
      on_change_(std::move(on_change)),
      on_judged_(std::move(on_judged)),
      catch_up_(std::move(catch_up)),
      change_timer_(loop) {}

Result<void> HealthWatch::follow(const config::Config& config, const Recall& recall,
                                 const control::Renames& renames) {
    auto targets = health::targets_of(config);
    if (targets.empty() && !monitor_)
        return {};
    if (!monitor_)
        begin_probing(config);
    for (auto& target : targets) {
        if (const auto renamed = renames.find(target.service); renamed != renames.end())
            target.formerly = renamed->second;
        for (auto& backend : target.backends) {
            const BackendId id{target.service, backend.address};
            if (is_taken_out(id))
                backend.weight = 0;
            backend.last_known = recall(id);
        }
    }
    if (auto followed = monitor_->follow(targets); !followed)
        return followed;
    for (const auto& target : targets) {
        for (const auto& backend : target.backends)
            take({target.service, backend.address});
    }
    targets_ = std::move(targets);
    return {};
}

void HealthWatch::begin_probing(const config::Config& config) {
    monitor_ = std::make_unique<health::Monitor>(
        loop_, config.datapath.probe_mark, config.datapath.max_backends,
        [this](const std::string& service, std::span<const IpAddress> changed) {
            for (const auto& backend : changed)
                take({service, backend});
            change_later();
        },
        on_judged_, catch_up_,
        [this](const health::Transition& transition) {
            events_.note({.kind = kind_of(transition.kind),
                          .service = transition.service,
                          .backend = transition.backend ? transition.backend->text() : "",
                          .reason = transition.reason});
        });
    const auto pins = datapath::Pins::open(config.pins);
    if (const auto shared = pins ? monitor_->outlive(*pins) : std::unexpected(pins.error()); !shared)
        spdlog::error("{}; late answers to the next agent's probes may pass for clients' packets",
                      shared.error().message);
}

/// What servers had sent already comes within a round trip. The kernel answers it itself, and that must still
/// meet the filter, or it would pass for a client's packet at some balancer.
void HealthWatch::end() {
    constexpr std::chrono::milliseconds kLateAnswers{300};
    if (monitor_ && monitor_->abandon())
        std::this_thread::sleep_for(kLateAnswers);
}

bool HealthWatch::is_taken_out(const BackendId& backend) const {
    const auto& overrides = conditions_.overrides();
    return overrides.drained.contains(backend) || overrides.disabled.contains(backend);
}

/// Panic is a guess that probes are wrong: what it brings back gets its whole share at once.
void HealthWatch::take(const BackendId& backend) {
    const auto now = control::SteadyClock::now();
    if (!monitor_->serves(backend.service, backend.address)) {
        conditions_.set_failed(backend, now);
        if (monitor_->is_dead(backend.service, backend.address))
            conditions_.set_dead(backend);
        return;
    }
    const auto facts = monitor_->facts(backend.service, backend.address);
    const bool is_up = !facts || facts->state == health::State::kUp;
    conditions_.clear_failed(backend, is_up ? control::ComesUp::kSlowly : control::ComesUp::kAtOnce, now);
}

void HealthWatch::release_unprobed() {
    const auto failed = conditions_.failed();
    for (const auto& backend : failed) {
        if (!facts(backend))
            conditions_.clear_failed(backend, control::ComesUp::kSlowly, control::SteadyClock::now());
    }
}

/// Many that fail together, or are judged for the first time, change tables and announcements once.
void HealthWatch::change_later() {
    constexpr std::chrono::milliseconds kTogether{10};
    if (std::exchange(change_is_due_, true))
        return;
    change_timer_.expires_after(kTogether);
    change_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error)
            return;
        change_is_due_ = false;
        on_change_();
    });
}

namespace {
/// A gateway that is silent while other ways work is a part of the network that failed, with all that lies
/// behind it; while none works, it is this host that is cut off.
net::Resolution blamed(net::Resolution next_hop, bool others_work) {
    using Cause = net::NoNextHop::Cause;
    if (!next_hop && next_hop.error().cause == Cause::kGatewaySilent)
        next_hop.error().cause = others_work ? Cause::kSilent : Cause::kHost;
    return next_hop;
}
}  // namespace

void HealthWatch::set_next_hops(const config::Config& config, const std::vector<int>& interfaces,
                                const net::NextHops& next_hops) {
    if (!monitor_)
        return;
    const bool some_work = std::ranges::any_of(config.services, [&](const config::Service& service) {
        return std::ranges::any_of(service.backends, [&](const config::Backend& backend) {
            return next_hops.at(backend.address).has_value();
        });
    });
    std::set<IpAddress> known;  // one host has one way: the first service that probes it tells
    for (const auto& service : config.services) {
        if (!service.health)
            continue;
        for (const auto& backend : service.backends) {
            if (!known.insert(backend.address).second)
                continue;
            const auto direct = blamed(next_hops.at(backend.address), some_work);
            const auto next_hop =
                choose_next_hop(config, interfaces, direct, next_hops.path_at(backend.address),
                                {.member = {backend.address, backend.weight},
                                 .condition = {},
                                 .mac = backend.mac,
                                 .mtu = backend.mtu});
            if (next_hop && !next_hop->local)
                monitor_->set_next_hop(backend.address, direct, *next_hop);
            else
                monitor_->set_next_hop(backend.address, direct,
                                       std::unexpected(why_no_next_hop(config, direct)));
        }
    }
}

void HealthWatch::set_records_refused(const std::function<bool(const std::string&)>& refused) {
    for (const auto& target : targets_)
        monitor_->set_records_refused(target.service, refused(target.service));
}

void HealthWatch::heed_orders(const config::Config& config, std::span<const BackendId> backends) {
    if (!monitor_)
        return;
    for (const auto& target : health::targets_of(config)) {
        for (const auto& backend : target.backends) {
            const BackendId id{target.service, backend.address};
            if (std::ranges::find(backends, id) != backends.end())
                monitor_->set_weight(id.service, id.address, is_taken_out(id) ? 0 : backend.weight);
        }
    }
}

bool HealthWatch::warmed_up(const std::string& service) const {
    return !monitor_ || monitor_->warmed_up(service);
}

bool HealthWatch::is_down(const BackendId& backend) const {
    return monitor_ && monitor_->is_down(backend.service, backend.address);
}

Knowledge HealthWatch::known() const {
    Knowledge all;
    if (monitor_)
        monitor_->for_each_known(
            [&](const std::string& service, const IpAddress& backend, const health::LastKnown& known) {
                all.emplace_hint(all.end(), BackendId{service, backend}, known);
            });
    return all;
}

std::optional<health::BackendFacts> HealthWatch::facts(const BackendId& backend) const {
    return monitor_ ? monitor_->facts(backend.service, backend.address) : std::nullopt;
}

std::optional<health::ServiceFacts> HealthWatch::facts(const std::string& service) const {
    return monitor_ ? monitor_->facts(service) : std::nullopt;
}

std::optional<health::ProberCounts> HealthWatch::counts() const {
    return monitor_ ? std::optional(monitor_->counts()) : std::nullopt;
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        spdlog::warn("raise the limit of descriptors to {}: {}; probes may run out of them", limit.rlim_max,
                     std::strerror(errno));
}

}  // namespace guideway::agent
