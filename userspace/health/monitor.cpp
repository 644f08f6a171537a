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

std::string last_good(const ProbeFacts& probe) {
    if (!probe.good_at)
        return "no probe was good so far";
    const std::chrono::duration<double> ago = std::chrono::system_clock::now() - *probe.good_at;
    return fmt::format("the last good probe was {:.1f} s ago", ago.count());
}

/// The longest that a verdict takes, the probes' stagger included; a host that has just started also needs
/// some time for its links and routes.
Clock::duration time_to_judge(const config::Health& health) {
    constexpr std::chrono::seconds kLinksComeUp{10};
    return std::max<Clock::duration>(
        kLinksComeUp, (std::max(health.rise, health.fall) + 1) * health.interval + health.timeout);
}

Result<std::unique_ptr<Tunnels>> open_tunnels(boost::asio::io_context& loop, config::ProbeMark mark,
                                              std::uint32_t backends) {
    auto tunnels = Tunnels::create(loop, mark, backends);
    if (!tunnels)
        spdlog::error("{}; backends are not probed through the tunnel", tunnels.error().message);
    return tunnels;
}
}  // namespace

Monitor::Monitor(boost::asio::io_context& loop, config::ProbeMark mark, std::uint32_t backends,
                 OnServing on_serving, std::function<void()> on_judged, std::function<void()> catch_up,
                 OnTransition on_transition)
    : on_serving_(std::move(on_serving)),
      on_judged_(std::move(on_judged)),
      on_transition_(std::move(on_transition)),
      prober_(loop, open_tunnels(loop, mark, backends), std::move(catch_up),
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

Result<void> Monitor::outlive(const datapath::Pins& pins) {
    return prober_.tunnels() != nullptr ? prober_.tunnels()->share_flows(pins) : Result<void>{};
}

Result<void> Monitor::follow(const std::vector<ServiceTargets>& targets) {
    std::set<ProbeSpec> specs;
    for (const auto& target : targets) {
        const ProbeSettings settings(target.health);
        for (const auto& backend : target.backends)
            specs.insert(probe_spec(target, settings, backend));
    }
    if (auto followed = prober_.follow(specs); !followed)
        return followed;
    decltype(services_) next;
    std::set<std::string> renamed;
    for (const auto& target : targets)
        renamed.insert(target.formerly);
    for (const auto& target : targets) {
        const bool is_another = target.formerly.empty() && renamed.contains(target.service);
        next.emplace(target.service, make_service(target, is_another ? Origin::kNew : Origin::kKnown));
    }
    services_ = std::move(next);
    index_services();
    return {};
}

std::shared_ptr<Monitor::Service> Monitor::make_service(const ServiceTargets& target, Origin origin) {
    const PoolRules rules{target.panic_threshold_percent, target.health.max_move_percent,
                          target.health.interval, target.reset_after};
    const auto old = origin == Origin::kNew
                         ? services_.end()
                         : services_.find(target.formerly.empty() ? target.service : target.formerly);
    const Moment now = Clock::now();
    auto service = std::make_shared<Service>(
        Service{.name = target.service,
                .id = ++last_id_,
                .pool = old != services_.end() ? old->second->pool : Pool(rules),
                .time_to_judge = time_to_judge(target.health),
                .backends = {},
                .blind_since = old != services_.end() ? old->second->blind_since : Moment{},
                .reported = old != services_.end() ? old->second->reported : Reported::kNone});
    const ProbeSettings settings(target.health);
    std::vector<PoolMember> members;
    for (const auto& backend : target.backends) {
        members.push_back({backend.address, backend.weight, backend.last_known.state});
        auto spec = probe_spec(target, settings, backend);
        if (old != services_.end()) {
            if (const auto kept = old->second->backends.find(backend.address);
                kept != old->second->backends.end()) {
                auto stays = kept->second;
                stays.spec = std::move(spec);
                stays.judgement.set_rules(judgement_rules(target.health));
                service->untried += stays.untried ? 1 : 0;
                service->backends.emplace(backend.address, std::move(stays));
                continue;
            }
        }
        service->backends.emplace(
            backend.address,
            Backend{.spec = std::move(spec),
                    .judgement = Judgement(judgement_rules(target.health), backend.last_known),
                    .since = std::chrono::system_clock::now(),
                    .followed_since = now});
    }
    service->pool.set_members(rules, members, now);
    static_cast<void>(service->pool.settle(now));
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

void Monitor::set_records_refused(const std::string& service, bool refused) {
    if (const auto found = services_.find(service); found != services_.end())
        found->second->pool.set_hurry(refused);
}

void Monitor::take(const ProbeSpec& spec, const ProbeFacts& probe, Prober::News news) {
    // The callback may change what is followed, but only in a later turn of the loop.
    for (const auto& [service, backend] : subscribers_.at(spec)) {
        if (news == Prober::News::kProbed)
            judge(*service, *backend, probe);
        else if (backend->judgement.state() == State::kDown)
            log(*service, *backend, probe, Transition::Kind::kDiagnosed);
    }
}

void Monitor::judge(Service& service, Backend& backend, const ProbeFacts& probe) {
    if (probe.last.verdict == Verdict::kNotTried)
        return note_untried(service, backend, probe);
    note_tried(service, backend);
    auto& judgement = backend.judgement;
    const bool was_judged = judgement.judged();
    const bool changed = probe.last.is_good() ? judgement.good(Clock::now()) : judgement.bad(Clock::now());
    if (changed || was_judged != judgement.judged()) {
        if (judgement.judged())
            service.pool.judge(backend.spec.backend, judgement.state());
        settle(service, changed ? Judged::kOtherwise : Judged::kAsBefore);
    }
    if (changed) {
        backend.since = std::chrono::system_clock::now();
        on_judged_();
        const bool is_up = judgement.state() == State::kUp;
        log(service, backend, probe, is_up ? Transition::Kind::kUp : Transition::Kind::kDown);
    }
    note_survival(service, backend, probe);
}

void Monitor::note_survival(Service& service, Backend& backend, const ProbeFacts& probe) {
    const auto& address = backend.spec.backend;
    if (probe.last.is_good())
        return service.pool.good(address);
    if (!service.pool.bad(address, probe.began, Clock::now()))
        return;
    on_serving_(service.name, std::span(&address, 1));
    spdlog::warn("{}: {} goes on failing: its established connections are given up", service.name,
                 address.text());
    on_transition_({Transition::Kind::kDead, service.name, address, "it goes on failing"});
}

/// Nothing that is known changes; but what cannot be judged for long is not waited for.
void Monitor::note_untried(Service& service, Backend& backend, const ProbeFacts& probe) {
    const Moment now = Clock::now();
    service.pool.not_tried(backend.spec.backend);
    if (!std::exchange(backend.untried, true) && ++service.untried == service.backends.size())
        service.blind_since = now;
    // One probe alone meets a link that comes up, a route that changes: nothing to report.
    const bool all = service.untried == service.backends.size();
    if (probe.not_tried > 1 && service.reported < (all ? Reported::kAll : Reported::kSome)) {
        service.reported = all ? Reported::kAll : Reported::kSome;
        spdlog::warn("{}: {} of {} backends cannot be probed from here ({}); what is known of them holds",
                     service.name, service.untried, service.backends.size(), probe.last.text);
        tell(Transition::Kind::kUntried, service,
             fmt::format("{} of {} backends: {}", service.untried, service.backends.size(), probe.last.text));
    }
    if (backend.judgement.judged() || now - backend.followed_since < service.time_to_judge)
        return;
    if (service.pool.excuse(backend.spec.backend))
        settle(service, Judged::kAsBefore);
}

void Monitor::note_tried(Service& service, Backend& backend) {
    if (!std::exchange(backend.untried, false) || --service.untried > 0)
        return;
    if (std::exchange(service.reported, Reported::kNone) == Reported::kNone)
        return;
    spdlog::info("{}: all backends can be probed from here again", service.name);
    tell(Transition::Kind::kTried, service);
}

bool Monitor::Service::is_blind(Moment now) const {
    return !backends.empty() && untried == backends.size() && now - blind_since >= time_to_judge;
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
        spdlog::info("{}: {}", service.name,
                     service.untried == 0 ? "every backend has been judged"
                                          : "what cannot be probed from here is not waited for");
    if (panicked == service.pool.panic())
        return;
    const char* meaning = panicked ? "what is down gets no new connections"
                                   : "too little is up, so all that is not taken out by hand serves";
    spdlog::warn("{}: {}: {}", service.name, panicked ? "panic is over" : "panic", meaning);
    tell(panicked ? Transition::Kind::kPanicOver : Transition::Kind::kPanic, service, meaning);
}

/// What was done about a backend that is down.
std::string Monitor::consequence(const Service& service, const Backend& backend) const {
    const auto serves = [&](const auto& entry) { return service.pool.serves(entry.first); };
    if (service.pool.serves(backend.spec.backend))
        return service.pool.panic() ? "it serves all the same, since there is panic"
                                    : "it serves until max_move lets more slots go";
    if (std::ranges::none_of(service.backends, serves))
        return "nobody is left to get new connections";
    return "others get its new connections";
}

void Monitor::log(const Service& service, const Backend& backend, const ProbeFacts& probe,
                  Transition::Kind kind) const {
    const auto& address = backend.spec.backend;
    if (backend.judgement.state() == State::kUp) {
        spdlog::info("{}: {} is up", service.name, address.text());
        return on_transition_({kind, service.name, address, {}});
    }
    const auto reason = reason_of(probe);
    const auto held = backend.judgement.held_until();
    const auto hold = held && *held > Clock::now()
                          ? fmt::format("; it was flapping, and is held down for {} s",
                                        std::chrono::ceil<std::chrono::seconds>(*held - Clock::now()).count())
                          : "";
    spdlog::warn("{}: {} is down: {}; {}; {}{}", service.name, address.text(), reason, last_good(probe),
                 consequence(service, backend), hold);
    on_transition_({kind, service.name, address, reason + hold});
}

void Monitor::tell(Transition::Kind kind, const Service& service, std::string reason) const {
    on_transition_({kind, service.name, std::nullopt, std::move(reason)});
}

void Monitor::for_each_known(const OnKnown& visit) const {
    for (const auto& [name, service] : services_) {
        for (const auto& [address, backend] : service->backends) {
            if (const auto& known = backend.judgement.known(); known.matters())
                visit(name, address, known);
        }
    }
}

bool Monitor::serves(const std::string& service, const IpAddress& backend) const {
    const auto found = services_.find(service);
    return found == services_.end() || !found->second->backends.contains(backend) ||
           found->second->pool.serves(backend);
}

bool Monitor::is_dead(const std::string& service, const IpAddress& backend) const {
    const auto found = services_.find(service);
    return found != services_.end() && found->second->pool.is_dead(backend);
}

bool Monitor::is_down(const std::string& service, const IpAddress& backend) const {
    const auto found = services_.find(service);
    if (found == services_.end())
        return false;
    const auto& backends = found->second->backends;
    const auto probed = backends.find(backend);
    return probed != backends.end() && probed->second.judgement.state() == State::kDown;
}

bool Monitor::warmed_up(const std::string& service) const {
    const auto found = services_.find(service);
    return found == services_.end() || found->second->pool.warmed_up();
}

std::optional<BackendFacts> Monitor::facts(const std::string& service, const IpAddress& address) const {
    const auto found = services_.find(service);
    if (found == services_.end() || !found->second->backends.contains(address))
        return std::nullopt;
    const auto& backend = found->second->backends.at(address);
    const auto& probe = prober_.facts(backend.spec);
    BackendFacts facts{.state = backend.judgement.state(),
                       .serves = found->second->pool.serves(address),
                       .dead = found->second->pool.is_dead(address),
                       .judged = backend.judgement.judged(),
                       .untried = backend.untried,
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
                       .blind = found->second->is_blind(Clock::now()),
                       .up = 0,
                       .untried = found->second->untried,
                       .backends = found->second->backends.size()};
    for (const auto& [address, backend] : found->second->backends)
        facts.up += backend.judgement.state() == State::kUp ? 1 : 0;
    return facts;
}

}  // namespace guideway::health
