// SPDX-License-Identifier: Apache-2.0
#include "model/health_story.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <queue>
#include <random>

#include "health/judgement.hpp"
#include "health/pool.hpp"

namespace guideway::test {

namespace {
using namespace std::chrono_literals;
using health::Moment;
using health::State;
using Time = std::chrono::milliseconds;  ///< since the story's beginning

const Moment kStart{1000h};
constexpr Time kHostNotices{20};  ///< what the kernel announces takes so long to reach the agent
constexpr std::uint32_t kWeight = 100;

/// A time in which some backends cannot be reached.
struct Outage {
    Time begin, end;
    std::vector<bool> concerned;
    bool seen = false;         ///< the host knows: its link, its route, its gateway
    std::vector<Time> lags{};  ///< how much later than `end` each comes back; empty: all at once

    [[nodiscard]] Time end_of(std::size_t backend) const { return lags.empty() ? end : end + lags[backend]; }
    [[nodiscard]] bool covers(std::size_t backend, Time time) const {
        return concerned[backend] && time >= begin && time < end_of(backend);
    }
    [[nodiscard]] bool is_whole() const { return std::ranges::count(concerned, false) == 0; }
};

/// Given up, or not: the rule of health::Pool once more, of all that happened, and with rules left out.
struct Life {
    std::optional<Moment> first_bad;
    Moment bad_began{};
    Moment idle_since;
    bool dead = false;
    bool in_a_row = true;
};

class Story {
  public:
    Story(std::uint64_t seed, const std::set<std::string>& without)
        : random_(seed), without_(without), rules_(pool_rules()), pool_(rules_) {
        backends_.resize(between(2, 10));
        fall_ = static_cast<std::uint32_t>(between(1, 3));
        think_of_outages();
        begin();
    }

    HealthStory tell() {
        while (!events_.empty() && told_.wrong.empty()) {
            const Event event = events_.top();
            events_.pop();
            if (event.at > end_)
                break;
            now_ = event.at;
            if (now_ >= stall_begin_ && now_ < stall_end_) {
                push(stall_end_, event.kind, event.backend, event.verdict, event.began);
                continue;
            }
            switch (event.kind) {
                case Event::kProbe:
                    probe(event.backend);
                    break;
                case Event::kOutcome:
                    take(event.backend, event.verdict, event.began);
                    break;
                case Event::kSettle:
                    settle();
                    break;
            }
            check_the_dead();
        }
        return told_;
    }

  private:
    struct Backend {
        health::Judgement judgement{{}, {State::kUp, {}}};
        Life life;
        std::optional<Time> died;      ///< the host is gone for good
        std::optional<Time> unserved;  ///< since then, it does not serve
        Time failing_since{-1h};       ///< the first of its failed probes in a row was sent
        Time failed{-1h};              ///< and the latest
        Time lost{-1h};                ///< the latest probe that packet loss took
    };
    struct Event {
        enum Kind : std::uint8_t { kProbe, kOutcome, kSettle };
        Time at;
        std::uint64_t order;
        Kind kind;
        std::size_t backend = 0;
        health::Verdict verdict = health::Verdict::kGood;
        Time began{};

        bool operator>(const Event& other) const {
            return at != other.at ? at > other.at : order > other.order;
        }
    };

    [[nodiscard]] bool has(const char* rule) const { return !without_.contains(rule); }
    [[nodiscard]] Moment moment(Time time) const { return kStart + time; }
    std::size_t between(std::size_t least, std::size_t most) {
        return std::uniform_int_distribution(least, most)(random_);
    }
    Time time_between(Time least, Time most) { return Time(between(least.count(), most.count())); }
    bool one_in(std::size_t n) { return between(1, n) == 1; }
    static IpAddress address(std::size_t backend) {
        const std::uint8_t bytes[4] = {10, 0, 0, static_cast<std::uint8_t>(backend + 1)};
        return IpAddress::from_network(bytes, true);
    }

    health::PoolRules pool_rules() {
        constexpr unsigned kThresholds[] = {0, 30, 50};
        return {.panic_threshold_percent = kThresholds[between(0, 2)],
                .max_move_percent = one_in(3) ? 20U : 50U,
                .interval = 1000ms,
                .reset_after = one_in(4) ? 0ms : 5000ms};
    }
    [[nodiscard]] Time patience() const { return std::max<Time>(rules_.reset_after, 2 * rules_.interval); }

    void think_of_outages() {
        Time time = time_between(5s, 7s);
        for (auto left = between(1, 3); left > 0; --left) {
            Outage outage{time, time + time_between(200ms, 7s), {}, false};
            const auto kind = between(0, 5);
            if (kind < 3) {  // the gateway, a link that blocks unseen, the host's own link
                outage.concerned.assign(backends_.size(), true);
                outage.seen = kind == 2;
                outage.end += kind == 1 ? time_between(0s, 40s) : 0s;
                for (std::size_t i = 0; kind == 1 && i < backends_.size(); ++i)
                    outage.lags.push_back(time_between(0s, patience() / 2));
            } else {
                const auto count = kind == 3 ? 1 : between(1, backends_.size() - 1);
                outage.concerned.assign(backends_.size(), false);
                std::fill_n(outage.concerned.begin(), count, true);
                std::shuffle(outage.concerned.begin(), outage.concerned.end(), random_);
                outage.seen = kind == 5;  // one of the host's interfaces
                outage.end += kind == 5 ? time_between(0s, 20s) : 0s;
            }
            time = outage.end + time_between(6s, 30s);
            outages_.push_back(std::move(outage));
        }
        end_ = time + 25s;
        if (one_in(3)) {
            stall_begin_ = time_between(3s, time);
            stall_end_ = stall_begin_ + time_between(100ms, 20s);
        }
        if (one_in(3))
            backends_[between(0, backends_.size() - 1)].died = time_between(3s, time);
    }

    void begin() {
        const auto rise = static_cast<std::uint32_t>(between(1, 3));
        std::vector<health::PoolMember> members;
        for (std::size_t i = 0; i < backends_.size(); ++i) {
            backends_[i].judgement =
                health::Judgement({.rise = rise, .fall = fall_, .damping = {}}, {State::kUp, {}});
            backends_[i].life.idle_since = kStart;
            members.push_back({address(i), kWeight, State::kUp});
            push(time_between(0ms, 1000ms), Event::kProbe, i);
        }
        pool_.set_members(rules_, members, kStart);
        for (std::size_t i = 0; i < backends_.size(); ++i)
            pool_.judge(address(i), State::kUp);
        settle();
    }

    void push(Time at, Event::Kind kind, std::size_t backend = 0,
              health::Verdict verdict = health::Verdict::kGood, Time began = {}) {
        events_.push({at, ++order_, kind, backend, verdict, began});
    }

    [[nodiscard]] bool is_dead(std::size_t backend, Time time) const {
        return backends_[backend].died && time >= *backends_[backend].died;
    }
    [[nodiscard]] bool is_cut_off(std::size_t backend, Time time) const {
        return is_dead(backend, time) || std::ranges::any_of(outages_, [&](const Outage& outage) {
                   return outage.covers(backend, time);
               });
    }
    [[nodiscard]] bool host_knows_no_way(std::size_t backend, Time time) const {
        return std::ranges::any_of(outages_, [&](const Outage& outage) {
            return outage.seen && outage.covers(backend, time) && time >= outage.begin + kHostNotices;
        });
    }
    /// The agent takes what the kernel has announced before it believes in silence.
    [[nodiscard]] bool way_changed(std::size_t backend, Time from, Time to) const {
        return std::ranges::any_of(outages_, [&](const Outage& outage) {
            return outage.seen && outage.concerned[backend] && outage.begin < to && outage.end > from;
        });
    }

    void probe(std::size_t backend) {
        constexpr Time kTimeout = 500ms;
        push(now_ + time_between(980ms, 1020ms), Event::kProbe, backend);
        ++told_.probes;
        const Time round_trip = time_between(1ms, 3ms);
        const bool lost = is_lost(backends_[backend]);
        using health::Verdict;
        if (host_knows_no_way(backend, now_))
            push(now_, Event::kOutcome, backend, has("not-tried") ? Verdict::kNotTried : Verdict::kBad, now_);
        else if (!lost && !is_cut_off(backend, now_) && !is_cut_off(backend, now_ + round_trip))
            push(now_ + round_trip, Event::kOutcome, backend, Verdict::kGood, now_);
        else if (way_changed(backend, now_, now_ + kTimeout) && has("way-changes"))
            push(now_ + kTimeout, Event::kOutcome, backend, Verdict::kNotTried, now_);
        else
            push(now_ + kTimeout, Event::kOutcome, backend, Verdict::kBad, now_);
    }

    bool is_lost(Backend& backend) {
        if (!one_in(100))
            return false;
        backend.lost = now_;
        return true;
    }

    void take(std::size_t index, health::Verdict verdict, Time began) {
        auto& backend = backends_[index];
        if (verdict == health::Verdict::kNotTried) {
            pool_.not_tried(address(index));
            backend.life.in_a_row = false;
            backend.failed = -1h;
            return;
        }
        const bool good = verdict == health::Verdict::kGood;
        const bool changed =
            good ? backend.judgement.good(moment(now_)) : backend.judgement.bad(moment(now_));
        pool_.judge(address(index), backend.judgement.state());
        if (changed)
            settle();
        if (changed && !good && is_hosts_own_fault(index, began))
            wrong(index, "is judged to be down for what the host knows to be its own fault");
        if (good) {
            pool_.good(address(index));
            backend.failed = -1h;
            backend.life.first_bad.reset();
            return;
        }
        if (began > backend.failed + rules_.interval * 5 / 2)
            backend.failing_since = began;
        backend.failed = began;
        const bool died = pool_.bad(address(index), moment(began), moment(now_));
        const bool given_up = is_given_up(index, began);
        if (without_.empty() && died != given_up)
            wrong(index, died ? "is given up, and is not to be" : "is to be given up, and is not");
        if (given_up)
            give_up(index, began);
    }

    [[nodiscard]] bool can_take_over(std::size_t index) const {
        return pool_.serves(address(index)) && backends_[index].judgement.state() != State::kDown;
    }
    [[nodiscard]] bool others_serve(std::size_t index) const {
        for (std::size_t i = 0; i < backends_.size(); ++i) {
            if (i != index && can_take_over(i))
                return true;
        }
        return false;
    }

    [[nodiscard]] bool is_given_up(std::size_t index, Time began) {
        auto& [first_bad, bad_began, idle_since, dead, nothing_untried] = backends_[index].life;
        const bool soon = moment(began) <= bad_began + rules_.interval * 5 / 2;
        const bool in_a_row = (soon && nothing_untried) || !has("in-a-row");
        nothing_untried = true;
        if (!first_bad || !in_a_row)
            first_bad = moment(now_);
        bad_began = moment(began);
        if (dead || pool_.serves(address(index)) || backends_[index].judgement.state() != State::kDown ||
            (!others_serve(index) && has("others")))
            return false;
        Moment since{};
        if (has("ceased"))
            since = std::max(since, idle_since);
        if (has("first-bad"))
            since = std::max(since, *first_bad);
        if (has("served-again"))
            since = std::max(since, served_since_);
        const Time waited = has("two-intervals") ? patience() : Time(rules_.reset_after);
        dead = moment(has("begun") ? began : now_) >= since + waited;
        return dead;
    }

    void give_up(std::size_t index, Time began) {
        ++told_.deaths;
        if (!others_serve(index))
            return wrong(index, "is given up while nobody else serves");
        if (now_ < backends_[index].unserved.value_or(now_) + patience())
            return wrong(index, "is given up before its connections had their time");
        const Time failing_since = backends_[index].failing_since;
        if (began - failing_since < patience())
            return wrong(index, fmt::format("is given up, and was seen to be cut off for {} ms",
                                            (began - failing_since).count()));
        const bool all_cut_off = std::ranges::any_of(outages_, [&](const Outage& outage) {
            return outage.is_whole() && outage.begin <= began && outage.end_of(index) > failing_since &&
                   backends_[index].lost < outage.end_of(index);  // which looks the same
        });
        if (all_cut_off && !is_dead(index, now_))
            wrong(index, "is given up, as all were cut off together");
    }

    void settle() {
        const auto changed = pool_.settle(moment(now_));
        for (const auto& who : changed) {
            const std::size_t index = who.bytes()[15] - 1U;
            auto& backend = backends_[index];
            if (pool_.serves(who)) {
                backend.life.dead = false;
                backend.unserved.reset();
                continue;
            }
            ++told_.downs;
            backend.life.idle_since = moment(now_);
            backend.unserved = now_;
        }
        note_whether_anybody_serves();
        if (const auto next = pool_.next_settle())
            push(std::max(now_ + 1ms, std::chrono::ceil<Time>(*next - kStart)), Event::kSettle);
    }

    /// It was cut off by what the host sees alone: by nothing else in the time that a verdict takes.
    [[nodiscard]] bool is_hosts_own_fault(std::size_t index, Time began) const {
        const Time since = began - (fall_ + 2) * 1020ms;
        bool seen = false;
        for (const auto& outage : outages_) {
            if (!outage.concerned[index] || outage.begin > now_ || outage.end < since)
                continue;
            if (!outage.seen)
                return false;
            seen = true;
        }
        const auto& backend = backends_[index];
        return seen && backend.lost < since && !is_dead(index, now_);
    }

    void note_whether_anybody_serves() {
        bool somebody = false;
        for (std::size_t i = 0; i < backends_.size(); ++i)
            somebody = somebody || can_take_over(i);
        if (somebody && !somebody_serves_)
            served_since_ = moment(now_);
        somebody_serves_ = somebody;
    }

    /// As soon as ever one that is dead gets no new flows, and those that it has are given up in time, unless
    /// other troubles interfere.
    void check_the_dead() {
        if (pool_.panic())
            last_panic_ = now_;
        for (std::size_t i = 0; i < backends_.size(); ++i) {
            const auto& backend = backends_[i];
            if (!backend.died || is_disturbed(*backend.died - 10s, now_) ||
                (stall_end_ > *backend.died - 10s && stall_begin_ < now_) ||
                last_panic_ > *backend.died - 10s || served_since_ > moment(*backend.died - 10s))
                continue;
            const Time told = *backend.died + fall_ * 1020ms + 500ms;
            // Of those that lost a probe, each may move first, where max_move lets one move in an interval.
            const auto others = std::ranges::count_if(
                backends_, [&](const Backend& other) { return other.lost > *backend.died - 3s; });
            if (now_ > told + (1 + others) * 1s && pool_.serves(address(i)))
                wrong(i, "is dead, and gets new flows");
            if (now_ > told + (1 + others) * 1s + patience() + 1020ms + 500ms && !backend.life.dead &&
                others_serve(i))
                wrong(i, "is dead, and its flows are not given up");
        }
    }
    [[nodiscard]] bool is_disturbed(Time from, Time to) const {
        return std::ranges::any_of(
            outages_, [&](const Outage& outage) { return outage.begin < to && outage.end + 12s > from; });
    }

    void wrong(std::size_t index, const std::string& what) {
        told_.wrong.push_back(fmt::format("at {} ms: {} {}", now_.count(), address(index).text(), what));
    }

    std::mt19937_64 random_;
    const std::set<std::string>& without_;
    health::PoolRules rules_;
    health::Pool pool_;
    std::vector<Backend> backends_;
    std::uint32_t fall_ = 2;
    std::vector<Outage> outages_;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::uint64_t order_ = 0;
    Time now_{0};
    Time end_{0};
    Time last_panic_{-1h};
    Time stall_begin_{0}, stall_end_{0};  ///< the agent does not run: what is due waits
    bool somebody_serves_ = false;
    Moment served_since_{};
    HealthStory told_;
};
}  // namespace

HealthStory tell_health_story(std::uint64_t seed, const std::set<std::string>& without) {
    return Story(seed, without).tell();
}

}  // namespace guideway::test
