// SPDX-License-Identifier: Apache-2.0
//
// An hour of virtual time of backends that behave badly. What is judged is compared, probe by probe, with a
// statement of what is right that is made of the whole history anew.
#include <fmt/format.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "health/judgement.hpp"
#include "health/pool.hpp"

namespace guideway::health {

namespace {

using namespace std::chrono_literals;
using Random = std::mt19937_64;

constexpr auto kHour = 3600s;
constexpr int kBackends = 24;
constexpr std::uint64_t kHeaviest = 150;  ///< of their weights
constexpr unsigned kSteadyPercent = 10;   ///< with so much more than the threshold, panic is over at once
constexpr int kSteadyIntervals = 10;      ///< or with the threshold reached for so many intervals

int dice(Random& random, int least, int most) {
    return std::uniform_int_distribution(least, most)(random);
}

/// What a backend does for a while: the verdict of its n-th probe since then.
enum class Behaviour {
    kServes,
    kNeverAnswers,  ///< as all that trickles, resets, redirects, sends 100 MB, has the wrong certificate
    kStumbles,      ///< never as often in a row as would bring it down
    kHalfRecovers,  ///< never as often good in a row as would bring it up
    kFlaps,         ///< just often enough in a row for either
    kTossesCoins,
    kCannotBeTried,  ///< this host has no descriptor, no way
};
constexpr int kBehaviours = 7;

Verdict verdict_of(Behaviour behaviour, std::uint32_t n, const JudgementRules& rules, Random& random) {
    const auto good = [](bool it_is) { return it_is ? Verdict::kGood : Verdict::kBad; };
    switch (behaviour) {
        case Behaviour::kServes:
            return Verdict::kGood;
        case Behaviour::kNeverAnswers:
            return Verdict::kBad;
        case Behaviour::kStumbles:
            return good(n % rules.fall == 0);
        case Behaviour::kHalfRecovers:
            return good(n % rules.rise != 0);
        case Behaviour::kFlaps:
            return good(n % (rules.rise + rules.fall) >= rules.fall);
        case Behaviour::kTossesCoins:
            return good(dice(random, 0, 1) == 0);
        case Behaviour::kCannotBeTried:
            return Verdict::kNotTried;
    }
    return Verdict::kGood;
}

/// What a backend has to be judged to be.
class History {
  public:
    History(const JudgementRules& rules, State last_known) : rules_(rules), state_(last_known) {}

    void add(Moment when, bool good) {
        probes_.push_back(good);
        if (state_ != State::kUp && may_come_up(when)) {
            state_ = State::kUp;
            ups_.push_back(when);
        } else if (state_ != State::kDown && ends_with(rules_.fall, false)) {
            if (state_ == State::kUp)
                go_down(when);
            state_ = State::kDown;
        }
    }

    /// By another agent: probes are counted anew.
    void go_on() { probes_.clear(); }

    [[nodiscard]] State state() const { return state_; }

  private:
    [[nodiscard]] bool ends_with(std::size_t count, bool good) const {
        return probes_.size() >= count &&
               std::all_of(probes_.end() - static_cast<std::ptrdiff_t>(count), probes_.end(),
                           [&](bool probe) { return probe == good; });
    }

    [[nodiscard]] bool may_come_up(Moment when) const {
        return ends_with(state_ == State::kUnknown ? 1 : rules_.rise, true) && when >= held_until_;
    }

    /// It is held if it went down more often than is allowed; or if, since it was held last, it was up for no
    /// steady time.
    void go_down(Moment when) {
        const auto& damping = rules_.damping;
        downs_.push_back(when);
        const auto lately =
            std::ranges::count_if(downs_, [&](Moment down) { return when - down <= damping.within; });
        const bool steady = ups_.empty() || when - ups_.back() >= damping.within;
        if (steady)
            holds_in_a_row_ = 0;
        if (holds_in_a_row_ == 0 && lately <= damping.flaps)
            return;
        auto hold = damping.hold;
        for (int i = 0; i < holds_in_a_row_ && hold < damping.max_hold; ++i)
            hold *= 2;
        held_until_ = when + std::min(hold, damping.max_hold);
        ++holds_in_a_row_;
    }

    JudgementRules rules_;
    State state_;
    std::vector<bool> probes_;
    std::vector<Moment> ups_;
    std::vector<Moment> downs_;
    int holds_in_a_row_ = 0;
    Moment held_until_{};
};

/// The backends of a service, each probed once a second at a time of its own.
class Hour {
  public:
    explicit Hour(std::uint64_t seed) : random_(seed), pool_(rules_of_pool()) {
        rules_ = {static_cast<std::uint32_t>(dice(random_, 1, 4)),
                  static_cast<std::uint32_t>(dice(random_, 1, 4)),
                  {.flaps = static_cast<std::uint32_t>(dice(random_, 0, 5)),
                   .within = std::chrono::seconds(dice(random_, 10, 300)),
                   .hold = std::chrono::seconds(dice(random_, 1, 30)),
                   .max_hold = std::chrono::seconds(dice(random_, 30, 600))}};
        for (int i = 0; i < kBackends; ++i)
            add();
        set_members();
    }

    /// What was wrong; nothing.
    [[nodiscard]] std::string pass() {
        const Moment end = now_ + kHour;
        while (now_ < end && wrong_.empty()) {
            if (dice(random_, 0, 20'000) == 0)
                change_members();
            if (dice(random_, 0, 20'000) == 0)
                start_again();
            if (const auto due = std::ranges::min_element(backends_, {}, &Backend::due);
                !pool_.next_settle() || due->due <= *pool_.next_settle()) {
                now_ = due->due;
                probe(*due);
            } else {
                now_ = *pool_.next_settle();
                settle();
            }
        }
        return wrong_;
    }

    [[nodiscard]] std::string summary() const {
        return fmt::format(
            "rise {} fall {} flaps {}, panic below {} %, cap {} %: {} probes, {} down, {} times panic",
            rules_.rise, rules_.fall, rules_.damping.flaps, pool_rules_.panic_threshold_percent,
            pool_rules_.max_move_percent, probes_, downs_, panics_);
    }

  private:
    struct Backend {
        IpAddress address;
        std::uint32_t weight;
        State last_known;
        bool reliable;  ///< never does anything but serve
        Judgement judgement;
        History right;
        Moment due;
        Behaviour behaviour = Behaviour::kServes;
        Moment changes_at{};
        std::uint32_t n = 0;
    };

    PoolRules rules_of_pool() {
        pool_rules_ = {static_cast<unsigned>(10 * dice(random_, 0, 8)),
                       static_cast<unsigned>(10 * dice(random_, 1, 10)), 1000ms};
        return pool_rules_;
    }

    void add() {
        const auto last_known = static_cast<State>(dice(random_, 0, 2));
        backends_.push_back(
            {.address = *IpAddress::parse(fmt::format("10.0.{}.{}", added_ / 250, 1 + added_ % 250)),
             .weight = static_cast<std::uint32_t>(dice(random_, 0, 3) * kHeaviest / 3),
             .last_known = last_known,
             .reliable = added_ % 4 == 0,
             .judgement = Judgement(rules_, {last_known, {}}),
             .right = History(rules_, last_known),
             .due = now_ + std::chrono::milliseconds(dice(random_, 0, 999))});
        ++added_;
    }

    void set_members() {
        std::vector<PoolMember> members;
        for (const auto& backend : backends_)
            members.push_back({backend.address, backend.weight, backend.last_known});
        pool_.set_members(pool_rules_, members, now_);
        settle();
    }

    void change_members() {
        backends_.erase(backends_.begin() + dice(random_, 0, static_cast<int>(backends_.size()) - 1));
        add();
        set_members();
    }

    /// An agent that knows what the former one left, but for what was moved just now.
    void start_again() {
        pool_ = Pool(pool_rules_);
        for (auto& backend : backends_) {
            backend.last_known = backend.judgement.state();
            backend.judgement = Judgement(rules_, backend.judgement.known());
            backend.right.go_on();
        }
        enough_since_ = Moment::max();
        moves_.clear();
        set_members();
    }

    void probe(Backend& backend) {
        backend.due += std::chrono::milliseconds(dice(random_, 980, 1020));
        if (now_ >= backend.changes_at)
            choose_behaviour(backend);
        const auto verdict =
            verdict_of(all_fail() && !backend.reliable ? Behaviour::kNeverAnswers : backend.behaviour,
                       backend.n++, rules_, random_);
        ++probes_;
        if (verdict == Verdict::kNotTried)
            return;
        const bool good = verdict == Verdict::kGood;
        const State before = backend.judgement.state();
        good ? backend.judgement.good(now_) : backend.judgement.bad(now_);
        backend.right.add(now_, good);
        if (backend.judgement.state() != backend.right.state())
            return wrong(backend, fmt::format("is {}, is to be {}", name_of(backend.judgement.state()),
                                              name_of(backend.right.state())));
        if (backend.reliable && backend.last_known != State::kDown &&
            backend.judgement.state() == State::kDown)
            return wrong(backend, "is down, and did nothing wrong");
        downs_ += before != State::kDown && backend.judgement.state() == State::kDown ? 1 : 0;
        if (backend.judgement.judged())
            pool_.judge(backend.address, backend.judgement.state());
        settle();
    }

    void choose_behaviour(Backend& backend) {
        backend.behaviour =
            backend.reliable ? Behaviour::kServes : static_cast<Behaviour>(dice(random_, 0, kBehaviours - 1));
        backend.changes_at = now_ + std::chrono::seconds(dice(random_, 5, 300));
        backend.n = 0;
    }

    /// For a minute in every ten.
    [[nodiscard]] bool all_fail() const { return (now_ - Moment{}) % 600s < 60s; }

    /// Of the weight, how much is up, in percent; nothing if nothing is known.
    [[nodiscard]] std::optional<double> percent_up() const {
        double known = 0;
        double up = 0;
        for (const auto& backend : backends_) {
            if (backend.judgement.state() == State::kUnknown && pool_.warmed_up())
                continue;
            known += backend.weight;
            up += backend.judgement.state() == State::kDown ? 0 : backend.weight;
        }
        return known == 0 ? std::nullopt : std::optional(100 * up / known);
    }

    /// One of which nothing is known goes on as it was, unless nothing is known of any.
    [[nodiscard]] bool is_to_serve(const Backend& backend, bool served) const {
        switch (backend.judgement.state()) {
            case State::kUp:
                return true;
            case State::kDown:
                return pool_.panic();
            case State::kUnknown:
                return pool_.panic() || !percent_up() || served;
        }
        return false;
    }

    void settle() {
        std::map<IpAddress, bool> before;
        for (const auto& backend : backends_)
            before[backend.address] = pool_.serves(backend.address);
        const bool panicked = pool_.panic();
        const auto changed = pool_.settle(now_);
        panics_ += !panicked && pool_.panic() ? 1 : 0;
        check_panic();
        check_moves(before, changed, !panicked && pool_.panic());
    }

    void check_panic() {
        const auto up = percent_up();
        const auto threshold = static_cast<double>(pool_rules_.panic_threshold_percent);
        const bool enough = !up || *up >= threshold;
        if (!enough)
            enough_since_ = Moment::max();
        else if (enough_since_ == Moment::max())
            enough_since_ = now_;
        const bool plenty = !up || *up >= threshold + kSteadyPercent;
        const bool steady = enough && now_ - enough_since_ >= kSteadyIntervals * pool_rules_.interval;
        if (!enough && !pool_.panic())
            wrong_ = "too little is up, and it does not panic";
        if ((plenty || steady) && pool_.panic())
            wrong_ = "enough is up, and it panics";
        for (const auto& backend : backends_) {
            if (pool_.panic() && !pool_.serves(backend.address))
                return wrong(backend, "does not serve in panic");
        }
    }

    /// Only towards what is right, not more in an interval than the cap, and not less than it allows.
    void check_moves(const std::map<IpAddress, bool>& before, std::span<const IpAddress> changed,
                     bool panic_began) {
        std::uint64_t total = 0;
        std::uint64_t moved = 0;
        bool someone_waits = false;
        for (const auto& backend : backends_) {
            total += backend.weight;
            const bool serves = pool_.serves(backend.address);
            const bool moves = serves != before.at(backend.address);
            if (moves != (std::ranges::find(changed, backend.address) != changed.end()))
                return wrong(backend, "changed, and nobody was told, or the other way round");
            const bool is_to = is_to_serve(backend, before.at(backend.address));
            if (moves && serves != is_to)
                return wrong(backend, serves ? "serves, and is not to" : "does not serve, and is to");
            moved += moves ? backend.weight : 0;
            someone_waits = someone_waits || serves != is_to;
        }
        const std::uint64_t most = std::max(total * pool_rules_.max_move_percent / 100, kHeaviest);
        if (!panic_began && !changed.empty())
            moves_.push_back({now_, moved, most});
        // An interval's time meets two of the pool's intervals at most.
        std::uint64_t lately = 0;
        std::uint64_t allowed = 0;
        for (auto move = moves_.rbegin(); move != moves_.rend() && now_ - move->when < pool_rules_.interval;
             ++move) {
            lately += move->weight;
            allowed = std::max(allowed, 2 * move->most);
        }
        if (lately > allowed)
            wrong_ = fmt::format("{} of {} moved within an interval", lately, total);
        if (someone_waits && (!pool_.next_settle() || *pool_.next_settle() > now_ + pool_rules_.interval))
            wrong_ = "someone waits to be moved, and nothing will do it soon";
    }

    void wrong(const Backend& backend, const std::string& what) {
        wrong_ =
            fmt::format("{} at {} s: {}", backend.address.text(),
                        std::chrono::duration_cast<std::chrono::seconds>(now_ - Moment{1000h}).count(), what);
    }

    struct Moved {
        Moment when;
        std::uint64_t weight;
        std::uint64_t most;  ///< in an interval
    };

    Random random_;
    JudgementRules rules_;
    PoolRules pool_rules_;
    Pool pool_;
    std::vector<Backend> backends_;
    Moment now_{1000h};
    Moment enough_since_ = Moment::max();
    std::vector<Moved> moves_;
    int added_ = 0;
    std::uint64_t probes_ = 0;
    std::uint64_t downs_ = 0;
    std::uint64_t panics_ = 0;
    std::string wrong_;
};

}  // namespace

TEST_CASE("an hour of backends that behave badly ends without a wrong judgement") {
    const auto seed = GENERATE(range(1U, 11U));
    Hour hour(seed);
    const auto wrong = hour.pass();
    fmt::print("seed {}: {}\n", seed, hour.summary());
    CAPTURE(seed, hour.summary());
    CHECK(wrong == "");
}

}  // namespace guideway::health
