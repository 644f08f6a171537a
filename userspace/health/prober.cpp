// SPDX-License-Identifier: Apache-2.0
#include "health/prober.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace guideway::health {

namespace {
constexpr int kAverage = 8;       ///< a good probe's share in the average latency is 1/8
constexpr double kJitter = 0.02;  ///< of the interval, either way
constexpr int kLateness = 10;     ///< late is what begins later than interval / 10

using std::chrono::duration_cast;
using std::chrono::microseconds;
}  // namespace

ProbeSettings::ProbeSettings(const config::Health& health) {
    const config::Health defaults;
    config::Health settings = health;
    settings.rise = defaults.rise;
    settings.fall = defaults.fall;
    settings.damping = defaults.damping;
    settings.max_move_percent = defaults.max_move_percent;
    settings.port.reset();
    shared_ = std::make_shared<const config::Health>(std::move(settings));
}

ProbeSpec probe_spec(const ServiceTargets& service, const ProbeSettings& settings,
                     const BackendTarget& backend) {
    if (settings->via == config::Via::kDirect)
        return {backend.address, {}, backend.port, {}, settings};
    return {backend.address, service.vip, backend.port, service.encapsulation, settings};
}

Prober::Prober(boost::asio::io_context& loop, Result<std::unique_ptr<Tunnels>> tunnels,
               std::function<void()> catch_up, Report report)
    : loop_(loop),
      tunnels_(std::move(tunnels)),
      attempts_(loop, probes_at_a_time()),
      starts_(loop, [this](std::uint64_t id) { ring(id); }),
      catch_up_(std::move(catch_up)),
      report_(std::move(report)) {}

Result<void> Prober::follow(const std::set<ProbeSpec>& specs) {
    std::map<config::Health, std::shared_ptr<const Check>> checks;
    std::set<Tunnel> tunnels;
    for (const auto& spec : specs) {
        if (spec.tunnelled())
            tunnels.insert(spec.tunnel());
        if (checks.contains(*spec.settings))
            continue;
        auto check = make_check(*spec.settings);
        if (!check)
            return std::unexpected(check.error());
        checks.emplace(*spec.settings, std::move(*check));
    }
    if (tunnels_) {
        if (auto followed = (*tunnels_)->follow(tunnels); !followed)
            return followed;
    }
    checks_ = std::move(checks);

    std::erase_if(ids_, [&](const auto& entry) {
        if (specs.contains(entry.first))
            return false;
        probes_.erase(entry.second);
        return true;
    });
    const Moment now = Clock::now();
    for (const auto& spec : specs) {
        const auto [entry, is_new] = ids_.try_emplace(spec, last_id_ + 1);
        if (!is_new)
            continue;
        auto probe = std::make_shared<Probe>(spec);
        probe->check = checks_.at(*spec.settings);
        const auto interval = duration_cast<microseconds>(spec.settings->interval).count();
        probe->due = now + microseconds(std::uniform_int_distribution<std::int64_t>(0, interval)(random_));
        probe->size_check_phase = random_();
        starts_.at(probe->due, ++last_id_);
        probes_.emplace(last_id_, std::move(probe));
    }
    return {};
}

void Prober::set_next_hop(const IpAddress& backend, const NextHopOrReason& direct,
                          const NextHopOrReason& tunnelled) {
    direct_ways_[backend].set(direct);
    if (!tunnels_)
        return;
    if (auto set = (*tunnels_)->set_next_hop(backend, tunnelled); !set)
        spdlog::error("{}", set.error().message);
}

const ProbeFacts& Prober::facts(const ProbeSpec& spec) const {
    return probes_.at(ids_.at(spec))->facts;
}

void Prober::ring(std::uint64_t id) {
    const auto found = probes_.find(id);
    if (found == probes_.end())
        return;
    const auto probe = found->second;
    const Moment due = probe->due;
    schedule_next(id, *probe, Clock::now());
    if (!probe->in_flight)
        begin(probe, due);
}

/// The jitter keeps probes of one interval from meeting each other for ever. A loop that was held up does
/// not make up for what it missed.
void Prober::schedule_next(std::uint64_t id, Probe& probe, Moment now) {
    const auto interval = duration_cast<microseconds>(probe.spec.settings->interval);
    std::uniform_real_distribution<double> jitter(1 - kJitter, 1 + kJitter);
    probe.due += duration_cast<microseconds>(interval * jitter(random_));
    if (probe.due < now)
        probe.due = now + interval;
    starts_.at(probe.due, id);
}

std::expected<Way, Outcome> Prober::way(const ProbeSpec& spec, bool tunnelled) {
    if (!tunnelled)
        return Way{.address = spec.backend, .port = spec.port, .mark = {}, .packet_size = {}};
    if (!tunnels_)
        return std::unexpected(Outcome::not_tried(tunnels_.error().message));
    return (*tunnels_)->way(spec.tunnel(), spec.port, Clock::now());
}

void Prober::begin(const ProbePtr& probe, Moment due) {
    probe->in_flight = true;
    const bool tunnelled = probe->spec.tunnelled();
    const auto there = way(probe->spec, tunnelled);
    if (!there)
        return finish(probe, Clock::now(), there.error(), {});
    run(
        probe, tunnelled, *there,
        [this, probe, due](Attempt& attempt) {
            const auto late = duration_cast<microseconds>(Clock::now() - due);
            counts_.latest = std::max(counts_.latest, late);
            counts_.late += late * kLateness > probe->spec.settings->interval ? 1 : 0;
            return probe->check->probe(attempt);
        },
        [this, probe](const Outcome& outcome, Clock::duration took) {
            finish(probe, Clock::now() - took, outcome, took);
        });
}

/// What comes of it is evidence about the backend, or not tried.
void Prober::run(const ProbePtr& probe, bool tunnelled, const Way& way, Attempts::Task task,
                 Attempts::Done done) {
    const auto before = departure(probe->spec, tunnelled);
    attempts_.run(way, probe->spec.settings->timeout, std::move(task),
                  [this, probe, tunnelled, before, done = std::move(done)](const Outcome& outcome,
                                                                           Clock::duration took) {
                      if (is_followed(*probe))
                          done(evidence(probe->spec, tunnelled, before, outcome), took);
                  });
}

/// False for one that was left while it was under way, even if its spec is followed anew.
bool Prober::is_followed(const Probe& probe) const {
    const auto id = ids_.find(probe.spec);
    return id != ids_.end() && probes_.at(id->second).get() == &probe;
}

Prober::Departure Prober::departure(const ProbeSpec& spec, bool tunnelled) const {
    if (tunnelled)
        return {(*tunnels_)->wrapped(spec.tunnel()), (*tunnels_)->changes(spec.tunnel())};
    const auto direct = direct_ways_.find(spec.backend);
    return {0, direct == direct_ways_.end() ? 0 : direct->second.changes()};
}

/// An answer to a packet that was not wrapped is somebody else's. Silence says nothing if the way changed
/// meanwhile, or is not known any more, by something that this host is the cause of.
Outcome Prober::evidence(const ProbeSpec& spec, bool tunnelled, const Departure& before,
                         const Outcome& outcome) {
    if (outcome.verdict == Verdict::kNotTried)
        return outcome;
    if (tunnelled && (*tunnels_)->wrapped(spec.tunnel()) == before.wrapped) {
        (*tunnels_)->suspect(spec.tunnel());
        return Outcome::not_tried(fmt::format(
            "probe {} through the tunnel: nothing left this host wrapped for {} ({}); does the gateway of "
            "the VIP's route answer?",
            spec.vip.text(), spec.backend.text(), outcome.is_good() ? "answered" : outcome.text));
    }
    if (outcome.is_good() || outcome.answered)
        return outcome;
    catch_up_();
    if (tunnelled)
        (*tunnels_)->catch_up();
    if (departure(spec, tunnelled).way_changes != before.way_changes)
        return Outcome::not_tried(
            fmt::format("probe {}: the way to it changed meanwhile ({})", spec.backend.text(), outcome.text));
    return trouble_on_the_way(spec, tunnelled).value_or(outcome);
}

/// The kernel may have a way to the backend itself that the programs cannot send by: that is no trouble of a
/// probe that goes direct.
std::optional<Outcome> Prober::trouble_on_the_way(const ProbeSpec& spec, bool tunnelled) const {
    if (tunnelled) {
        const auto there = (*tunnels_)->way(spec.tunnel(), spec.port, Clock::now());
        return there ? std::nullopt : std::optional(there.error());
    }
    const auto direct = direct_ways_.find(spec.backend);
    if (direct == direct_ways_.end() || direct->second.next_hop() ||
        direct->second.next_hop().error().cause != net::NoNextHop::Cause::kHost)
        return std::nullopt;
    return direct->second.trouble();
}

void Prober::finish(const ProbePtr& probe, Moment began, Outcome outcome, Clock::duration took) {
    probe->in_flight = false;
    if (outcome.is_good() && probe->size_checks > 1)
        outcome = Outcome::bad_answer("full-sized packets do not arrive in the tunnel");
    note(*probe, began, outcome, took);
    report_(probe->spec, probe->facts, News::kProbed);
    look_further(probe);
}

void Prober::note(Probe& probe, Moment began, const Outcome& outcome, Clock::duration took) {
    auto& facts = probe.facts;
    facts.began = began;
    facts.last = outcome;
    facts.at = std::chrono::system_clock::now();
    ++facts.probes;
    ++counts_.probes;
    if (outcome.verdict == Verdict::kNotTried) {
        ++counts_.not_tried;
        ++facts.not_tried;
        return;
    }
    facts.not_tried = 0;
    if (outcome.is_good()) {
        facts.good_at = facts.at;
        const auto latency = duration_cast<microseconds>(took);
        facts.latency += facts.latency.count() == 0 ? latency : (latency - facts.latency) / kAverage;
        facts.diagnosis = Diagnosis::kNone;
        probe.failures = 0;
        return;
    }
    ++facts.failures;
    ++counts_.failures;
    ++probe.failures;
}

}  // namespace guideway::health
