// SPDX-License-Identifier: Apache-2.0
#include "health/monitor.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

namespace guideway::health {

namespace {
using SystemTime = std::chrono::system_clock::time_point;

SystemTime to_system_time(Moment moment) {
    return std::chrono::system_clock::now() +
           std::chrono::duration_cast<SystemTime::duration>(moment - Clock::now());
}

JudgementRules judgement_rules(const config::Health& health) {
    return {health.rise, health.fall, health.damping};
}

std::string reason_of(const ProbeFacts& probe) {
    if (probe.last.is_good())
        return {};
    if (probe.diagnosis == Diagnosis::kNone || probe.last.verdict == Verdict::kNotTried)
        return probe.last.text;
    return fmt::format("{}: {}", explain(probe.diagnosis), probe.last.text);
}

Result<std::unique_ptr<Tunnels>> open_tunnels(config::ProbeMark mark, std::uint32_t backends) {
    auto tunnels = Tunnels::create(mark, backends);
    if (!tunnels)
        spdlog::error("{}; backends are not probed through the tunnel", tunnels.error().message);
    return tunnels;
}
}  // namespace

Monitor::Monitor(boost::asio::io_context& loop, config::ProbeMark mark, std::uint32_t backends,
                 OnServing on_serving, std::function<void()> on_judged)
    : on_serving_(std::move(on_serving)),
      on_judged_(std::move(on_judged)),
      prober_(loop, open_tunnels(mark, backends),
              [this](const ProbeSpec& spec, const ProbeFacts& probe, Prober::News news) {
                  take(spec, probe, news);
              }),
      settle_alarm_(loop, [this](std::uint64_t id) {
          const auto found = settling_.find(id);
          if (found == settling_.end())
              return;
          if (const auto service = settling_.extract(found).mapped().lock())
              settle(*service, Judged::kAsBefore);
      }) {}

Result<void> Monitor::follow(const std::vector<ServiceTargets>& targets) {
    std::set<ProbeSpec> specs;
    for (const auto& target : targets) {
        for (const auto& backend : target.backends)
            specs.insert(probe_spec(target, backend));
    }
    if (auto followed = prober_.follow(specs); !followed)
        return followed;
    decltype(services_) next;
    for (const auto& target : targets)
        next.emplace(target.service, make_service(target));
    services_ = std::move(next);
    index_services();
    return {};
}

std::shared_ptr<Monitor::Service> Monitor::make_service(const ServiceTargets& target) {
    const PoolRules rules{target.panic_threshold_percent, target.health.max_move_percent,
                          target.health.interval};
    const auto old = services_.find(target.service);
    auto service = std::make_shared<Service>(
        Service{target.service, ++last_id_, old != services_.end() ? old->second->pool : Pool(rules), {}});
    std::vector<PoolMember> members;
    for (const auto& backend : target.backends) {
        members.push_back({backend.address, backend.weight, backend.last_known.state});
        auto spec = probe_spec(target, backend);
        if (old != services_.end()) {
            if (const auto kept = old->second->backends.find(backend.address);
                kept != old->second->backends.end()) {
                kept->second.judgement.set_rules(judgement_rules(target.health));
                service->backends.emplace(
                    backend.address, Backend{std::move(spec), kept->second.judgement, kept->second.since});
                continue;
            }
        }
        service->backends.emplace(
            backend.address,
            Backend{std::move(spec), Judgement(judgement_rules(target.health), backend.last_known),
                    std::chrono::system_clock::now()});
    }
    service->pool.set_members(rules, members);
    static_cast<void>(service->pool.settle(Clock::now()));
    return service;
}

void Monitor::index_services() {
    subscribers_.clear();
    for (const auto& [name, service] : services_) {
        for (auto& [address, backend] : service->backends)
            subscribers_[backend.spec].emplace_back(service.get(), &backend);
        settle_later(*service);
    }
}

void Monitor::set_weight(const std::string& service, const IpAddress& backend, std::uint32_t weight) {
    const auto found = services_.find(service);
    if (found == services_.end() || !found->second->backends.contains(backend))
        return;
    found->second->pool.set_weight(backend, weight);
    settle(*found->second, Judged::kAsBefore);
}

void Monitor::take(const ProbeSpec& spec, const ProbeFacts& probe, Prober::News news) {
    // The callback may change what is followed, but only in a later turn of the loop.
    for (const auto& [service, backend] : subscribers_.at(spec)) {
        if (news == Prober::News::kProbed)
            judge(*service, *backend, probe);
        else if (backend->judgement.state() == State::kDown)
            log(*service, *backend, probe);
    }
}

void Monitor::judge(Service& service, Backend& backend, const ProbeFacts& probe) {
    if (probe.last.verdict == Verdict::kNotTried)
        return;
    auto& judgement = backend.judgement;
    const bool was_judged = judgement.judged();
    const bool changed = probe.last.is_good() ? judgement.good(Clock::now()) : judgement.bad(Clock::now());
    if (!changed && was_judged == judgement.judged())
        return;
    service.pool.judge(backend.spec.backend, judgement.state(), judgement.judged());
    settle(service, changed ? Judged::kOtherwise : Judged::kAsBefore);
    if (changed) {
        backend.since = std::chrono::system_clock::now();
        on_judged_();
        log(service, backend, probe);
    }
}

void Monitor::settle_later(const Service& service) {
    const auto next = service.pool.next_settle();
    if (!next)
        return;
    settling_[service.id] = services_.at(service.name);
    settle_alarm_.at(*next, service.id);
}

void Monitor::settle(Service& service, Judged judged) {
    const bool panicked = service.pool.panic();
    const bool was_warm = service.pool.warmed_up();
    const auto changed = service.pool.settle(Clock::now());
    const bool known_otherwise = service.pool.warmed_up() && (!was_warm || judged == Judged::kOtherwise);
    if (!changed.empty() || known_otherwise)
        on_serving_(service.name, changed);
    settle_later(service);
    if (!was_warm && service.pool.warmed_up())
        spdlog::info("{}: every backend has been judged", service.name);
    if (panicked != service.pool.panic())
        spdlog::warn("{}: {}", service.name,
                     panicked ? "panic is over: what is down does not serve"
                              : "panic: too little is up, so all that is not taken out by hand serves");
}

void Monitor::log(const Service& service, const Backend& backend, const ProbeFacts& probe) const {
    if (backend.judgement.state() == State::kUp)
        return spdlog::info("{}: {} is up", service.name, backend.spec.backend.text());
    const auto held = backend.judgement.held_until();
    spdlog::warn("{}: {} is down: {}{}", service.name, backend.spec.backend.text(), reason_of(probe),
                 held && *held > Clock::now()
                     ? fmt::format("; it was flapping, and is held down for {} s",
                                   std::chrono::ceil<std::chrono::seconds>(*held - Clock::now()).count())
                     : "");
}

LastKnown Monitor::known(const std::string& service, const IpAddress& backend) const {
    const auto found = services_.find(service);
    if (found == services_.end() || !found->second->backends.contains(backend))
        return {};
    return found->second->backends.at(backend).judgement.known();
}

bool Monitor::serves(const std::string& service, const IpAddress& backend) const {
    const auto found = services_.find(service);
    return found == services_.end() || !found->second->backends.contains(backend) ||
           found->second->pool.serves(backend);
}

std::optional<BackendFacts> Monitor::facts(const std::string& service, const IpAddress& address) const {
    const auto found = services_.find(service);
    if (found == services_.end() || !found->second->backends.contains(address))
        return std::nullopt;
    const auto& backend = found->second->backends.at(address);
    const auto& probe = prober_.facts(backend.spec);
    BackendFacts facts{.state = backend.judgement.state(),
                       .serves = found->second->pool.serves(address),
                       .judged = backend.judgement.judged(),
                       .diagnosis = probe.diagnosis,
                       .reason = reason_of(probe),
                       .since = backend.since,
                       .held_until = {},
                       .probed_at = probe.at,
                       .latency = probe.latency,
                       .probes = probe.probes,
                       .failures = probe.failures};
    if (const auto held = backend.judgement.held_until())
        facts.held_until = to_system_time(*held);
    return facts;
}

std::optional<ServiceFacts> Monitor::facts(const std::string& service) const {
    const auto found = services_.find(service);
    if (found == services_.end())
        return std::nullopt;
    ServiceFacts facts{.warmed_up = found->second->pool.warmed_up(),
                       .panic = found->second->pool.panic(),
                       .up = 0,
                       .backends = found->second->backends.size()};
    for (const auto& [address, backend] : found->second->backends)
        facts.up += backend.judgement.state() == State::kUp ? 1 : 0;
    return facts;
}

}  // namespace guideway::health
