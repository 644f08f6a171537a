// SPDX-License-Identifier: Apache-2.0
//
// The second half of Prober: what it does beside the probes themselves.
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <tuple>

#include "health/prober.hpp"
#include "util/coroutines.hpp"

namespace guideway::health {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;

namespace {
/// A failing backend is examined at its first failure, and then so often.
constexpr std::uint32_t kExaminedEvery = 10;
/// A good probe is small: so often full-sized packets are tried as well.
constexpr std::uint64_t kSizeCheckedEvery = 10;
}  // namespace

void Prober::look_further(const ProbePtr& probe) {
    if (probe->diagnosing)
        return;
    if (is_to_be_examined(*probe)) {
        probe->diagnosing = true;
        spawn(loop_, examine(probe));
    } else if (is_size_due(*probe)) {
        probe->diagnosing = true;
        spawn(loop_, check_size(probe));
    }
}

bool Prober::is_to_be_examined(const Probe& probe) {
    return probe.facts.last.verdict == Verdict::kBad && probe.failures % kExaminedEvery == 1;
}

/// Backends that do not answer echo requests are not judged by them.
bool Prober::is_size_due(const Probe& probe) {
    if (!probe.spec.tunnelled())
        return false;
    const bool due =
        probe.size_checks > 0 ||
        (probe.facts.probes + probe.size_check_phase % kSizeCheckedEvery) % kSizeCheckedEvery == 0;
    return due && (probe.facts.last.is_good() || probe.size_checks >= 2);
}

/// Never returns for a probe that is not followed any more: then nobody wants to know.
asio::awaitable<Outcome> Prober::outcome_of(ProbePtr probe, bool tunnelled, Way there, Attempts::Task task) {
    auto start = [this, &probe, tunnelled, &there, &task](auto handler) {
        const auto shared = std::make_shared<decltype(handler)>(std::move(handler));
        run(probe, tunnelled, there, std::move(task),
            [shared](const Outcome& outcome, Clock::duration) { std::move (*shared)(outcome); });
    };
    auto initiated = asio::async_initiate<const asio::use_awaitable_t<>&, void(Outcome)>(std::move(start),
                                                                                         asio::use_awaitable);
    co_return co_await std::move(initiated);
}

asio::awaitable<Outcome> Prober::echo_outcome(ProbePtr probe, bool tunnelled, bool full_size) {
    const auto there = way(probe->spec, tunnelled);
    if (!there)
        co_return there.error();
    const auto size = full_size ? there->packet_size.value_or(0) : 0;
    // Named: g++ 12 destroys twice what is made for a parameter inside co_await.
    Attempts::Task task = [size](Attempt& attempt) { return echo(attempt, size); };
    co_return co_await outcome_of(probe, tunnelled, *there, std::move(task));
}

/// What is broken: an echo request to the host, and through the tunnel a small and a full-sized one, and the
/// check itself without the tunnel.
asio::awaitable<void> Prober::examine(ProbePtr probe) {
    Findings findings;
    findings.probe = probe->facts.last;
    findings.direct = probe->facts.last;
    if (probe->spec.tunnelled()) {
        Attempts::Task check = [probe](Attempt& attempt) { return probe->check->probe(attempt); };
        auto all = echo_outcome(probe, false, false) && echo_outcome(probe, true, false) &&
                   echo_outcome(probe, true, true) &&
                   outcome_of(probe, false, *way(probe->spec, false), std::move(check));
        auto outcomes = co_await std::move(all);
        std::tie(findings.direct_echo, findings.tunnel_echo, findings.full_tunnel_echo, findings.direct) =
            std::move(outcomes);
    } else {
        findings.direct_echo = co_await echo_outcome(probe, false, false);
    }
    probe->diagnosing = false;
    const auto diagnosis = diagnose(findings);
    if (probe->failures == 0 || diagnosis == Diagnosis::kNone || diagnosis == probe->facts.diagnosis)
        co_return;
    probe->facts.diagnosis = diagnosis;
    report_(probe->spec, probe->facts, News::kDiagnosed);
}

/// Small probes say nothing of the size that fits through the tunnel, and a service is as broken if requests
/// of full size are lost.
asio::awaitable<void> Prober::check_size(ProbePtr probe) {
    auto both = echo_outcome(probe, true, false) && echo_outcome(probe, true, true);
    const auto [small, full] = co_await std::move(both);
    probe->diagnosing = false;
    probe->size_checks = small.is_good() && full.verdict == Verdict::kBad ? probe->size_checks + 1 : 0;
}

}  // namespace guideway::health
