// SPDX-License-Identifier: Apache-2.0
#include "health/pool.hpp"

#include <fmt/format.h>

#include <catch2/catch.hpp>

namespace guideway::health {

namespace {

using namespace std::chrono_literals;

IpAddress backend(int number) {
    return *IpAddress::parse(fmt::format("10.0.0.{}", number));
}

/// A pool of backends 1..n of weight 100 under a virtual clock.
class Bench {
  public:
    explicit Bench(int size, State last_known = State::kUp, PoolRules rules = {50, 100, 1000ms})
        : rules_(rules), pool_(rules) {
        set_size(size, last_known);
    }

    void set_size(int size, State last_known) {
        std::vector<PoolMember> members;
        for (int i = 1; i <= size; ++i)
            members.push_back({backend(i), 100, last_known});
        pool_.set_members(rules_, members, now_);
        size_ = size;
    }
    void judge(int first, int last, State state) {
        for (int i = first; i <= last; ++i)
            pool_.judge(backend(i), state);
    }
    /// Who serves after some time, a digit each: `1101`.
    std::string serving(Clock::duration time = 0s) {
        now_ += time;
        static_cast<void>(pool_.settle(now_));
        std::string text;
        for (int i = 1; i <= size_; ++i)
            text += pool_.serves(backend(i)) ? '1' : '0';
        return text;
    }
    std::size_t changes() { return pool_.settle(now_).size(); }
    [[nodiscard]] Pool& pool() { return pool_; }
    [[nodiscard]] Moment now() const { return now_; }

  private:
    PoolRules rules_;
    Pool pool_;
    int size_ = 0;
    Moment now_{1000h};
};

}  // namespace

TEST_CASE("what is down does not serve, and what changed is told once") {
    Bench bench(4);
    bench.judge(2, 2, State::kDown);
    CHECK(bench.changes() == 1);
    CHECK(bench.changes() == 0);
    CHECK(bench.serving() == "1011");
    bench.judge(2, 2, State::kUp);
    CHECK(bench.changes() == 1);
    CHECK(bench.serving() == "1111");
}

TEST_CASE("until every backend was judged once, unknown ones serve") {
    Bench bench(3, State::kUnknown);
    CHECK(bench.serving() == "111");
    CHECK_FALSE(bench.pool().warmed_up());
    bench.judge(1, 1, State::kDown);
    CHECK(bench.serving() == "011");
    bench.judge(2, 2, State::kUp);
    CHECK_FALSE(bench.pool().warmed_up());
    bench.judge(3, 3, State::kUp);
    CHECK(bench.serving() == "011");
    CHECK(bench.pool().warmed_up());
}

TEST_CASE("a backend that is added to a warm service serves once it is judged to be up") {
    Bench bench(2, State::kUp);
    bench.judge(1, 2, State::kUp);
    CHECK(bench.serving() == "11");
    bench.set_size(3, State::kUnknown);
    CHECK(bench.serving() == "110");
    CHECK(bench.pool().warmed_up());
    bench.judge(3, 3, State::kUp);
    CHECK(bench.serving() == "111");
}

TEST_CASE("a restart begins with the last known state, without waiting for probes") {
    Bench bench(3, State::kUp);
    CHECK(bench.serving() == "111");
    CHECK_FALSE(bench.pool().warmed_up());
    bench.judge(1, 3, State::kUp);
    static_cast<void>(bench.serving());
    CHECK(bench.pool().warmed_up());
}

TEST_CASE("with less than the threshold up, all serve; at the threshold only what is up") {
    Bench bench(4);
    bench.judge(1, 2, State::kDown);
    CHECK(bench.serving() == "0011");
    CHECK_FALSE(bench.pool().panic());
    bench.judge(3, 3, State::kDown);
    CHECK(bench.serving() == "1111");
    CHECK(bench.pool().panic());
}

TEST_CASE("panic ends at once with something to spare, and at the threshold after some time") {
    Bench bench(4);
    bench.judge(1, 3, State::kDown);
    CHECK(bench.serving() == "1111");
    bench.judge(3, 3, State::kUp);
    CHECK(bench.serving(1s) == "1111");
    bench.judge(2, 2, State::kUp);
    CHECK(bench.serving(1s) == "0111");

    bench.judge(2, 3, State::kDown);
    CHECK(bench.serving(1s) == "1111");
    bench.judge(3, 3, State::kUp);
    CHECK(bench.serving(1s) == "1111");
    REQUIRE(bench.pool().next_settle());
    CHECK(*bench.pool().next_settle() == bench.now() + 10s);
    CHECK(bench.serving(9999ms) == "1111");
    CHECK(bench.serving(1ms) == "0011");
    CHECK_FALSE(bench.pool().panic());
}

TEST_CASE("panic goes on if the threshold is lost again meanwhile") {
    Bench bench(4);
    bench.judge(1, 3, State::kDown);
    static_cast<void>(bench.serving());
    bench.judge(3, 3, State::kUp);
    static_cast<void>(bench.serving(5s));
    bench.judge(3, 3, State::kDown);
    static_cast<void>(bench.serving(1s));
    bench.judge(3, 3, State::kUp);
    CHECK(bench.serving(1s) == "1111");
    CHECK(bench.serving(9s) == "1111");
    CHECK(bench.serving(1s) == "0011");
}

TEST_CASE("a threshold of 0 % never panics") {
    Bench bench(2, State::kUp, {0, 100, 1000ms});
    bench.judge(1, 2, State::kDown);
    CHECK(bench.serving() == "00");
    CHECK_FALSE(bench.pool().panic());
}

TEST_CASE("in one interval judgements move no more than the cap, but always one backend") {
    Bench bench(10, State::kUp, {0, 30, 1000ms});
    bench.judge(1, 7, State::kDown);
    CHECK(bench.serving() == "0001111111");
    CHECK(bench.serving(500ms) == "0001111111");
    REQUIRE(bench.pool().next_settle());
    CHECK(*bench.pool().next_settle() == bench.now() + 500ms);
    CHECK(bench.serving(500ms) == "0000001111");
    CHECK(bench.serving(1s) == "0000000111");
    CHECK_FALSE(bench.pool().next_settle());

    Bench tight(3, State::kUp, {0, 1, 1000ms});
    tight.judge(1, 2, State::kDown);
    CHECK(tight.serving() == "011");
    CHECK(tight.serving(1s) == "001");
}

TEST_CASE("a mass failure beyond the threshold moves nothing, whatever the cap") {
    Bench bench(10, State::kUp, {50, 30, 1000ms});
    bench.judge(1, 8, State::kDown);
    CHECK(bench.serving() == "1111111111");
    CHECK(bench.pool().panic());
}

/// A backend that fails a probe a second, of which each takes half a second.
class Failing {
  public:
    explicit Failing(Bench& bench) : bench_(bench) {}

    /// Of so many more bad outcomes, that of which it died, the first being 1; 0: none.
    int dies_within(int outcomes) {
        for (int i = 1; i <= outcomes; ++i) {
            static_cast<void>(bench_.serving(1s));
            if (bench_.pool().bad(backend(1), bench_.now() - 500ms, bench_.now()))
                return i;
        }
        return 0;
    }

  private:
    Bench& bench_;
};

TEST_CASE("a backend that goes on failing is given up by a probe that began reset_after later") {
    Bench bench(4);
    bench.judge(1, 1, State::kDown);
    CHECK(bench.serving() == "0111");
    // It is bad for the first time at 1 s; the probe that ends at 6.5 s is the first that began 5 s after
    // that.
    CHECK(Failing(bench).dies_within(20) == 7);
    CHECK(bench.pool().is_dead(backend(1)));
    bench.judge(1, 1, State::kUp);
    CHECK(bench.serving(10s) == "1111");
    CHECK_FALSE(bench.pool().is_dead(backend(1)));
}

TEST_CASE("a good probe between bad ones begins the time of dying anew") {
    Bench bench(4);
    bench.judge(1, 1, State::kDown);
    CHECK(bench.serving() == "0111");
    CHECK(Failing(bench).dies_within(5) == 0);
    bench.pool().good(backend(1));
    CHECK(Failing(bench).dies_within(6) == 0);
    CHECK(Failing(bench).dies_within(1) == 1);
}

TEST_CASE("a probe that is skipped breaks no row of bad ones, what was not tried does, and a long time") {
    Bench bench(4);
    bench.judge(1, 1, State::kDown);
    CHECK(bench.serving() == "0111");
    CHECK(Failing(bench).dies_within(3) == 0);
    static_cast<void>(bench.serving(1400ms));
    CHECK(Failing(bench).dies_within(3) > 0);
    Bench interrupted(4);
    interrupted.judge(1, 1, State::kDown);
    CHECK(interrupted.serving() == "0111");
    CHECK(Failing(interrupted).dies_within(4) == 0);
    interrupted.pool().not_tried(backend(1));
    CHECK(Failing(interrupted).dies_within(5) == 0);
    CHECK(Failing(interrupted).dies_within(2) > 0);
    Bench apart(4);
    apart.judge(1, 1, State::kDown);
    CHECK(apart.serving() == "0111");
    CHECK(Failing(apart).dies_within(3) == 0);
    static_cast<void>(apart.serving(5s));
    CHECK(Failing(apart).dies_within(3) == 0);
}

TEST_CASE("nobody is given up while nobody else serves, nor at once when somebody does again") {
    Bench bench(3, State::kUp, {0, 100, 1000ms});
    bench.judge(1, 3, State::kDown);
    CHECK(bench.serving() == "000");
    CHECK(Failing(bench).dies_within(30) == 0);
    bench.judge(3, 3, State::kUp);
    CHECK(bench.serving(1s) == "001");
    CHECK(Failing(bench).dies_within(5) == 0);
    CHECK(Failing(bench).dies_within(5) > 0);
}

TEST_CASE("what leaves panic late has its time from then on") {
    Bench bench(4);
    bench.judge(1, 3, State::kDown);
    CHECK(bench.serving() == "1111");
    CHECK(Failing(bench).dies_within(30) == 0);
    bench.judge(2, 3, State::kUp);
    CHECK(bench.serving(1s) == "0111");
    CHECK(Failing(bench).dies_within(5) == 0);
    CHECK(Failing(bench).dies_within(5) > 0);
}

TEST_CASE("it takes two intervals at least, and no more than that while flows cannot be recorded") {
    Bench soon(4, State::kUp, {50, 100, 1000ms, 0ms});
    soon.judge(1, 1, State::kDown);
    CHECK(soon.serving() == "0111");
    CHECK(Failing(soon).dies_within(20) == 4);
    Bench hurried(4);
    hurried.judge(1, 1, State::kDown);
    hurried.pool().set_hurry(true);
    CHECK(hurried.serving() == "0111");
    CHECK(Failing(hurried).dies_within(20) == 4);
}

TEST_CASE("those whose judgement is not waited for end the warm-up, and go on as they began") {
    Bench bench(3, State::kUnknown);
    bench.judge(1, 2, State::kUp);
    CHECK(bench.serving() == "111");
    CHECK_FALSE(bench.pool().warmed_up());
    CHECK(bench.pool().excuse(backend(3)));
    CHECK_FALSE(bench.pool().excuse(backend(3)));
    CHECK(bench.serving() == "111");
    CHECK(bench.pool().warmed_up());
}

TEST_CASE("one that joins others that are known waits for its judgement, warm or not") {
    Bench bench(2, State::kUp);
    bench.set_size(3, State::kUnknown);
    CHECK(bench.serving() == "110");
    bench.judge(3, 3, State::kUp);
    CHECK(bench.serving() == "111");
}

}  // namespace guideway::health
