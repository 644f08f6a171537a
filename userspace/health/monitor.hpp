// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "health/pool.hpp"
#include "health/prober.hpp"
#include "health/targets.hpp"

namespace guideway::health {

/// What is known of a backend of a service, for status and metrics.
struct BackendFacts {
    State state = State::kUnknown;
    bool serves = false;  ///< as on_serving had it: in panic although it is down
    bool dead = false;    ///< its established flows are given up
    bool judged = false;
    bool untried = false;  ///< this host could not try the last probe; what was known before holds
    Diagnosis diagnosis = Diagnosis::kNone;
    std::string reason;  ///< why it is down, or why it could not be probed; empty: all is well
    std::chrono::system_clock::time_point since;
    std::optional<std::chrono::system_clock::time_point> held_until;  ///< down because it was flapping
    std::optional<std::chrono::system_clock::time_point> probed_at;
    std::chrono::microseconds latency{0};
    std::uint64_t probes = 0;
    std::uint64_t failures = 0;
};

struct ServiceFacts {
    bool warmed_up = false;  ///< every backend was judged once, or could not be tried in the time for that
    bool panic = false;
    bool blind = false;  ///< for as long as a verdict takes, none of its backends could be tried
    std::size_t up = 0;
    std::size_t untried = 0;
    std::size_t backends = 0;
};

/// What changed, as it is logged, for who keeps a history of it.
struct Transition {
    enum class Kind : std::uint8_t {
        kUp,
        kDown,
        kDiagnosed,  ///< it is known now why it is down
        kDead,
        kPanic,
        kPanicOver,
        kUntried,  ///< some backends of the service cannot be probed from here
        kTried
    };
    Kind kind{};
    std::string service;
    std::optional<IpAddress> backend;  ///< of the first four
    std::string reason;
};
using OnTransition = std::function<void(const Transition&)>;

/// Judges the backends of all services by probing them, and says which serve. Transitions are logged with
/// their reason. Lives on the loop's thread; the loop outlives it.
class Monitor {
  public:
    /// Which backends of a service ceased to serve, serve again, or died; none, if it has only warmed up, or
    /// a backend of a warm one is judged otherwise. Called from the loop, before the probe's turn of it ends.
    using OnServing = std::function<void(const std::string& service, std::span<const IpAddress> changed)>;

    /// Where the tunnel's program cannot be loaded, the reason is logged: nothing is probed through it, and
    /// nothing goes down for it. `backends` is how many tunnels there is room for.
    /// `on_judged` is called when some backend's state has changed, whether that moves its slots or not.
    /// `catch_up` has set_next_hop() called for what the kernel has announced so far.
    /// `on_transition` is called of what is logged.
    Monitor(
        boost::asio::io_context& loop, config::ProbeMark mark, std::uint32_t backends, OnServing on_serving,
        std::function<void()> on_judged = [] {}, std::function<void()> catch_up = [] {},
        OnTransition on_transition = [](const Transition&) {});

    /// Has the kernel's answers for probes that are gone take the tunnel although the process that sent them
    /// has ended since: the one before this, by what it pinned, and this one.
    [[nodiscard]] Result<void> outlive(const datapath::Pins& pins);
    /// Ends all that is under way, for good. True if something was: late answers to it may still come.
    [[nodiscard]] bool abandon() { return prober_.abandon(); }

    /// Replaces what is probed; `on_serving` is not called. What stays keeps its state. Errors (a CA file
    /// that cannot be read, too many backends) leave all as it was.
    [[nodiscard]] Result<void> follow(const std::vector<ServiceTargets>& targets);
    /// As in its BackendTarget, and it may change who serves. Others than those followed are ignored.
    void set_weight(const std::string& service, const IpAddress& backend, std::uint32_t weight);
    /// See Prober::set_next_hop().
    void set_next_hop(const IpAddress& backend, const NextHopOrReason& direct,
                      const NextHopOrReason& tunnelled) {
        prober_.set_next_hop(backend, direct, tunnelled);
    }
    /// Whether flows of the service cannot be recorded now.
    void set_records_refused(const std::string& service, bool refused);

    /// True for services and backends that are not probed.
    [[nodiscard]] bool serves(const std::string& service, const IpAddress& backend) const;
    /// Its established flows are given up; false for services and backends that are not probed.
    [[nodiscard]] bool is_dead(const std::string& service, const IpAddress& backend) const;
    /// False for services and backends that are not probed.
    [[nodiscard]] bool is_down(const std::string& service, const IpAddress& backend) const;
    /// As in ServiceFacts; true for services that are not probed.
    [[nodiscard]] bool warmed_up(const std::string& service) const;
    /// What matters to who judges next.
    using OnKnown =
        std::function<void(const std::string& service, const IpAddress& backend, const LastKnown& known)>;
    void for_each_known(const OnKnown& visit) const;
    [[nodiscard]] std::optional<BackendFacts> facts(const std::string& service,
                                                    const IpAddress& backend) const;
    [[nodiscard]] std::optional<ServiceFacts> facts(const std::string& service) const;
    [[nodiscard]] const ProberCounts& counts() const { return prober_.counts(); }

  private:
    struct Backend {
        ProbeSpec spec;
        Judgement judgement;
        std::chrono::system_clock::time_point since;
        Moment followed_since;
        bool untried = false;
    };
    /// What the log has of backends that cannot be probed.
    enum class Reported : std::uint8_t { kNone, kSome, kAll };
    struct Service {
        std::string name;
        std::uint64_t id = 0;
        Pool pool;
        Clock::duration time_to_judge;
        std::map<IpAddress, Backend> backends;
        std::size_t untried = 0;
        Moment blind_since{};  ///< while all of them are untried
        Reported reported = Reported::kNone;

        [[nodiscard]] bool is_blind(Moment now) const;
    };

    /// Whether a service may be one that was probed before; another one may have had its name.
    enum class Origin : bool { kKnown, kNew };
    [[nodiscard]] std::shared_ptr<Service> make_service(const ServiceTargets& target, Origin origin);
    void index_services();
    void take(const ProbeSpec& spec, const ProbeFacts& probe, Prober::News news);
    void judge(Service& service, Backend& backend, const ProbeFacts& probe);
    void note_untried(Service& service, Backend& backend, const ProbeFacts& probe);
    void note_tried(Service& service, Backend& backend);
    void note_survival(Service& service, Backend& backend, const ProbeFacts& probe);
    enum class Judged : bool { kAsBefore, kOtherwise };
    void settle(Service& service, Judged judged);
    void settle_later(const Service& service);
    [[nodiscard]] std::string consequence(const Service& service, const Backend& backend) const;
    void log(const Service& service, const Backend& backend, const ProbeFacts& probe,
             Transition::Kind kind) const;
    void tell(Transition::Kind kind, const Service& service, std::string reason = {}) const;

    OnServing on_serving_;
    std::function<void()> on_judged_;
    OnTransition on_transition_;
    Prober prober_;
    Alarm settle_alarm_;
    std::map<std::string, std::shared_ptr<Service>, std::less<>> services_;
    std::map<std::uint64_t, std::weak_ptr<Service>> settling_;
    std::map<ProbeSpec, std::vector<std::pair<Service*, Backend*>>> subscribers_;
    std::uint64_t last_id_ = 0;
};

}  // namespace guideway::health
