// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <compare>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <unordered_map>

#include "health/alarm.hpp"
#include "health/attempts.hpp"
#include "health/check.hpp"
#include "health/diagnosis.hpp"
#include "health/targets.hpp"
#include "health/tunnels.hpp"

namespace guideway::health {

/// What probes take from a service's health check: all but what judges them. Its backends share it; it is
/// compared by content.
class ProbeSettings {
  public:
    explicit ProbeSettings(const config::Health& health);

    const config::Health& operator*() const { return *shared_; }
    const config::Health* operator->() const { return shared_.get(); }

    std::strong_ordering operator<=>(const ProbeSettings& other) const {
        return shared_ == other.shared_ ? std::strong_ordering::equal : *shared_ <=> *other.shared_;
    }
    bool operator==(const ProbeSettings& other) const { return (*this <=> other) == 0; }

  private:
    std::shared_ptr<const config::Health> shared_;  ///< what judges is at its defaults
};

/// All that a probe depends on: services that agree in it share the probe.
struct ProbeSpec {
    IpAddress backend;
    IpAddress vip;  ///< unspecified for one that goes direct
    std::uint16_t port = 0;
    config::Encapsulation encapsulation = config::Encapsulation::kIpip;  ///< the same for all that go direct
    ProbeSettings settings;

    [[nodiscard]] bool tunnelled() const { return settings->via == config::Via::kTunnel; }
    [[nodiscard]] Tunnel tunnel() const { return {backend, encapsulation, vip}; }

    auto operator<=>(const ProbeSpec&) const = default;
};

/// How a service's backend is probed, with the settings of its service.
[[nodiscard]] ProbeSpec probe_spec(const ServiceTargets& service, const ProbeSettings& settings,
                                   const BackendTarget& backend);

/// What is known from a spec's probes.
struct ProbeFacts {
    Outcome last;
    Moment began;                 ///< when the last one was sent
    std::uint64_t not_tried = 0;  ///< in a row up to the last one
    Diagnosis diagnosis =
        Diagnosis::kNone;  ///< of the latest failure; a little later than the failure itself
    std::optional<std::chrono::system_clock::time_point> at;       ///< the end of the last one
    std::optional<std::chrono::system_clock::time_point> good_at;  ///< the end of the last good one
    std::chrono::microseconds latency{0};  ///< of good ones, a moving average (EWMA, 1/8)
    std::uint64_t probes = 0;
    std::uint64_t failures = 0;
};

struct ProberCounts {
    std::uint64_t probes = 0;
    std::uint64_t failures = 0;
    std::uint64_t not_tried = 0;
    std::uint64_t late = 0;               ///< by more than a tenth of their interval
    std::chrono::microseconds latest{0};  ///< the most that one began late
};

/// Probes each spec once per interval, staggered, and finds out what is broken when one fails. Lives on the
/// loop's thread; the loop outlives it.
class Prober {
  public:
    enum class News : std::uint8_t { kProbed, kDiagnosed };
    using Report = std::function<void(const ProbeSpec&, const ProbeFacts&, News)>;

    /// Without `tunnels` probes through the tunnel are not tried, for the reason given. `catch_up` has
    /// set_next_hop() called for what the kernel has announced so far.
    Prober(boost::asio::io_context& loop, Result<std::unique_ptr<Tunnels>> tunnels,
           std::function<void()> catch_up, Report report);

    /// What the probes' tunnels need, nothing without them.
    [[nodiscard]] Tunnels* tunnels() { return tunnels_ ? tunnels_->get() : nullptr; }

    /// See Attempts.
    [[nodiscard]] bool abandon() { return attempts_.abandon(); }

    /// Replaces the set of specs; those that stay keep their pace and facts. Errors leave all as it was.
    [[nodiscard]] Result<void> follow(const std::set<ProbeSpec>& specs);
    /// Where the kernel sends what goes to a backend itself, and where traffic to it is sent: what goes
    /// through the tunnel is wrapped for that. A backend of which nothing is told is probed all the same.
    void set_next_hop(const IpAddress& backend, const NextHopOrReason& direct,
                      const NextHopOrReason& tunnelled);

    [[nodiscard]] const ProbeFacts& facts(const ProbeSpec& spec) const;
    [[nodiscard]] const ProberCounts& counts() const { return counts_; }
    [[nodiscard]] const Attempts& attempts() const { return attempts_; }

  private:
    struct Probe {
        explicit Probe(ProbeSpec probed) : spec(std::move(probed)) {}

        ProbeSpec spec;
        std::shared_ptr<const Check> check;
        Moment due;
        ProbeFacts facts;
        bool in_flight = false;
        bool diagnosing = false;
        std::uint32_t failures = 0;          ///< in a row
        std::uint64_t size_check_phase = 0;  ///< so that not all check the size at a time
        std::uint32_t size_checks = 0;       ///< in a row, that full-sized packets failed
    };
    using ProbePtr = std::shared_ptr<Probe>;

    void ring(std::uint64_t id);
    void schedule_next(std::uint64_t id, Probe& probe, Moment now);
    void begin(const ProbePtr& probe, Moment due);
    void finish(const ProbePtr& probe, Moment began, Outcome outcome, Clock::duration took);
    void note(Probe& probe, Moment began, const Outcome& outcome, Clock::duration took);
    [[nodiscard]] std::expected<Way, Outcome> way(const ProbeSpec& spec, bool tunnelled);
    /// What a probe is compared with when it ends.
    struct Departure {
        std::uint64_t wrapped = 0;
        std::uint64_t way_changes = 0;
    };
    [[nodiscard]] bool is_followed(const Probe& probe) const;
    [[nodiscard]] Departure departure(const ProbeSpec& spec, bool tunnelled) const;
    [[nodiscard]] Outcome evidence(const ProbeSpec& spec, bool tunnelled, const Departure& before,
                                   const Outcome& outcome);
    [[nodiscard]] std::optional<Outcome> trouble_on_the_way(const ProbeSpec& spec, bool tunnelled) const;
    void run(const ProbePtr& probe, bool tunnelled, const Way& way, Attempts::Task task, Attempts::Done done);

    void look_further(const ProbePtr& probe);
    [[nodiscard]] static bool is_to_be_examined(const Probe& probe);
    [[nodiscard]] static bool is_size_due(const Probe& probe);
    [[nodiscard]] boost::asio::awaitable<void> examine(ProbePtr probe);
    [[nodiscard]] boost::asio::awaitable<void> check_size(ProbePtr probe);
    [[nodiscard]] boost::asio::awaitable<Outcome> echo_outcome(ProbePtr probe, bool tunnelled,
                                                               bool full_size);
    [[nodiscard]] boost::asio::awaitable<Outcome> outcome_of(ProbePtr probe, bool tunnelled, Way there,
                                                             Attempts::Task task);

    boost::asio::io_context& loop_;
    /// Comes before the attempts: their connections end through it.
    Result<std::unique_ptr<Tunnels>> tunnels_;
    Attempts attempts_;
    Alarm starts_;
    std::unordered_map<IpAddress, KnownWay> direct_ways_;
    std::function<void()> catch_up_;
    Report report_;
    ProberCounts counts_;
    std::map<ProbeSpec, std::uint64_t> ids_;
    std::unordered_map<std::uint64_t, ProbePtr> probes_;
    std::map<config::Health, std::shared_ptr<const Check>> checks_;
    std::uint64_t last_id_ = 0;
    std::mt19937_64 random_{std::random_device{}()};
};

}  // namespace guideway::health
