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
        pool_.set_members(rules_, members);
        size_ = size;
    }
    void judge(int first, int last, State state) {
        for (int i = first; i <= last; ++i)
            pool_.judge(backend(i), state, true);
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

}  // namespace guideway::health
