// SPDX-License-Identifier: Apache-2.0
//
// The second half of Prober: what it does beside the probes themselves.
#include "health/prober.hpp"

namespace guideway::health {

namespace {
/// A failing backend is examined at its first failure, and then so often.
constexpr std::uint32_t kExaminedEvery = 10;
/// A good probe is small: so often full-sized packets are tried as well.
constexpr std::uint64_t kSizeCheckedEvery = 10;
}  // namespace

/// Probes that are under way together; the last one to end concludes.
struct Prober::Examination {
    Findings findings;
    int open = 0;
};

void Prober::run_echo(const ProbePtr& probe, bool tunnelled, bool full_size,
                      std::function<void(const Outcome&)> done) {
    const auto there = way(probe->spec, tunnelled);
    if (!there)
        return done(there.error());
    const auto size = full_size ? there->packet_size.value_or(0) : 0;
    run(
        probe, tunnelled, *there, [size](Attempt& attempt) { return echo(attempt, size); },
        [done = std::move(done)](const Outcome& outcome, Clock::duration) { done(outcome); });
}

void Prober::examine(const ProbePtr& probe) {
    if (probe->diagnosing || probe->failures % kExaminedEvery != 1)
        return;
    probe->diagnosing = true;
    const auto shared = std::make_shared<Examination>();
    const bool tunnelled = probe->spec.tunnelled();
    shared->open = tunnelled ? 4 : 1;
    const auto into = [this, probe, shared](auto assign) {
        return [this, probe, shared, assign](const Outcome& outcome) {
            assign(shared->findings, outcome);
            if (--shared->open == 0)
                conclude(probe, shared->findings);
        };
    };
    shared->findings.probe = probe->facts.last;
    shared->findings.direct = probe->facts.last;
    run_echo(probe, false, false,
             into([](auto& findings, auto& outcome) { findings.direct_echo = outcome; }));
    if (!tunnelled)
        return;
    run_echo(probe, true, false, into([](auto& findings, auto& outcome) { findings.tunnel_echo = outcome; }));
    run_echo(probe, true, true,
             into([](auto& findings, auto& outcome) { findings.full_tunnel_echo = outcome; }));
    const auto direct = into([](auto& findings, auto& outcome) { findings.direct = outcome; });
    run(
        probe, false, *way(probe->spec, false),
        [probe](Attempt& attempt) { return probe->check->probe(attempt); },
        [direct](const Outcome& outcome, Clock::duration) { direct(outcome); });
}

void Prober::conclude(const ProbePtr& probe, const Findings& findings) {
    probe->diagnosing = false;
    if (probe->failures == 0)
        return;
    const auto diagnosis = diagnose(findings);
    if (diagnosis == Diagnosis::kNone || diagnosis == probe->facts.diagnosis)
        return;
    probe->facts.diagnosis = diagnosis;
    report_(probe->spec, probe->facts, News::kDiagnosed);
}

/// Small probes say nothing of the size that fits through the tunnel, and a service is as broken if requests
/// of full size are lost. Backends that do not answer echo requests are not judged by it.
void Prober::check_size(const ProbePtr& probe) {
    if (!probe->spec.tunnelled() || probe->diagnosing)
        return;
    const bool due =
        probe->size_checks > 0 ||
        (probe->facts.probes + probe->size_check_phase % kSizeCheckedEvery) % kSizeCheckedEvery == 0;
    if (!due || (!probe->facts.last.is_good() && probe->size_checks < 2))
        return;
    probe->diagnosing = true;
    const auto shared = std::make_shared<Examination>();
    shared->open = 2;
    const auto conclude_size = [this, probe, shared] {
        if (--shared->open > 0)
            return;
        probe->diagnosing = false;
        const bool small_arrives = shared->findings.tunnel_echo->is_good();
        const bool full_is_lost = shared->findings.full_tunnel_echo->verdict == Verdict::kBad;
        probe->size_checks = small_arrives && full_is_lost ? probe->size_checks + 1 : 0;
    };
    run_echo(probe, true, false, [shared, conclude_size](const Outcome& outcome) {
        shared->findings.tunnel_echo = outcome;
        conclude_size();
    });
    run_echo(probe, true, true, [shared, conclude_size](const Outcome& outcome) {
        shared->findings.full_tunnel_echo = outcome;
        conclude_size();
    });
}

}  // namespace guideway::health
