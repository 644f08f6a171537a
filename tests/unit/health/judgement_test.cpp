// SPDX-License-Identifier: Apache-2.0
#include "health/judgement.hpp"

#include <catch2/catch.hpp>

namespace guideway::health {

namespace {

using namespace std::chrono_literals;

/// A backend under a virtual clock that each probe moves on by a second.
class Bench {
  public:
    explicit Bench(State last_known, config::Damping damping = {.flaps = 1000})
        : rules_{.rise = 3, .fall = 2, .damping = damping},
          judgement_(rules_, {.state = last_known, .flaps = {}}) {}

    void good(int probes) {
        for (int i = 0; i < probes; ++i)
            judgement_.good(now_ += 1s);
    }
    void bad(int probes) {
        for (int i = 0; i < probes; ++i)
            judgement_.bad(now_ += 1s);
    }
    /// By another agent, which knows what this one did.
    void start_again() { judgement_ = Judgement(rules_, judgement_.known()); }
    void pass(Clock::duration time) { now_ += time; }
    /// Down and, after that many good probes, looked at again.
    State flap(int probes) {
        bad(2);
        good(probes);
        return state();
    }

    [[nodiscard]] State state() const { return judgement_.state(); }
    [[nodiscard]] bool judged() const { return judgement_.judged(); }
    [[nodiscard]] Clock::duration held() const { return *judgement_.held_until() - now_; }

  private:
    JudgementRules rules_;
    Judgement judgement_;
    Moment now_{1000h};
};

}  // namespace

TEST_CASE("a backend goes down after `fall` bad probes in a row, and up after `rise` good ones") {
    Bench bench(State::kUp);
    bench.bad(1);
    bench.good(1);
    bench.bad(1);
    CHECK(bench.state() == State::kUp);
    bench.bad(1);
    CHECK(bench.state() == State::kDown);
    bench.good(2);
    bench.bad(1);
    bench.good(2);
    CHECK(bench.state() == State::kDown);
    bench.good(1);
    CHECK(bench.state() == State::kUp);
}

TEST_CASE("one good probe is enough for a backend of which nothing is known, but one bad probe is not") {
    Bench first(State::kUnknown);
    first.bad(1);
    CHECK(first.state() == State::kUnknown);
    CHECK_FALSE(first.judged());
    first.good(1);
    CHECK(first.state() == State::kUp);
    CHECK(first.judged());

    Bench second(State::kUnknown);
    second.bad(2);
    CHECK(second.state() == State::kDown);
    CHECK(second.judged());
}

TEST_CASE("the last known state holds until probes confirm or change it") {
    Bench up(State::kUp);
    up.bad(1);
    CHECK(up.state() == State::kUp);
    CHECK_FALSE(up.judged());
    up.good(1);
    CHECK(up.judged());

    Bench down(State::kDown);
    down.good(2);
    CHECK(down.state() == State::kDown);
    CHECK_FALSE(down.judged());
    down.good(1);
    CHECK(down.state() == State::kUp);
    CHECK(down.judged());
}

TEST_CASE("a backend that goes down more than n times in t is held down, for twice as long each time") {
    Bench bench(State::kUp, {.flaps = 2, .within = 1min, .hold = 10s, .max_hold = 30s});
    CHECK(bench.flap(3) == State::kUp);
    CHECK(bench.flap(3) == State::kUp);
    bench.bad(2);
    CHECK(bench.held() == 10s);
    bench.good(9);
    CHECK(bench.state() == State::kDown);
    bench.good(1);
    CHECK(bench.state() == State::kUp);
    bench.bad(2);
    CHECK(bench.held() == 20s);
    bench.good(20);
    CHECK(bench.state() == State::kUp);
    bench.bad(2);
    CHECK(bench.held() == 30s);
    bench.good(30);
    bench.bad(2);
    CHECK(bench.held() == 30s);
}

TEST_CASE("times down that lie further apart than t do not count as flapping") {
    Bench bench(State::kUp, {.flaps = 2, .within = 1min, .hold = 10s, .max_hold = 30s});
    for (int i = 0; i < 10; ++i) {
        CHECK(bench.flap(3) == State::kUp);
        bench.pass(40s);
    }
}

TEST_CASE("a steady time up ends a series of holds") {
    Bench bench(State::kUp, {.flaps = 1, .within = 1min, .hold = 10s, .max_hold = 1h});
    bench.flap(3);
    bench.flap(10);
    bench.bad(2);
    CHECK(bench.held() == 20s);
    bench.good(20);
    bench.pass(61s);
    CHECK(bench.flap(3) == State::kUp);
    bench.bad(2);
    CHECK(bench.held() == 10s);
}

TEST_CASE("flapping is remembered by who judges next") {
    Bench bench(State::kUp, {.flaps = 2, .within = 1min, .hold = 10s, .max_hold = 30s});
    bench.flap(3);
    bench.flap(3);
    bench.start_again();
    bench.bad(2);
    CHECK(bench.held() == 10s);
    bench.start_again();
    bench.good(9);
    CHECK(bench.state() == State::kDown);
    bench.good(1);
    CHECK(bench.state() == State::kUp);
    bench.start_again();
    bench.bad(2);
    CHECK(bench.held() == 20s);
}

TEST_CASE("good probes count while a backend is held, and bad ones start them again") {
    Bench bench(State::kUp, {.flaps = 1, .within = 1min, .hold = 10s, .max_hold = 10s});
    bench.flap(3);
    bench.bad(2);
    bench.good(9);
    bench.bad(1);
    bench.good(2);
    CHECK(bench.state() == State::kDown);
    bench.good(1);
    CHECK(bench.state() == State::kUp);
}

}  // namespace guideway::health
