// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <catch2/catch.hpp>
#include <vector>

#include "maglev/simulation/scenario.hpp"

using namespace guideway;
using namespace guideway::maglev;
using namespace guideway::maglev::simulation;

namespace {

const Progress kUnwatched = [](double) {};

Outcome outcome(Algorithm algorithm, std::uint32_t backends, std::uint32_t failures,
                std::uint32_t keys = 16381) {
    return simulate(
               {.algorithm = algorithm, .backends = backends, .keys = keys, .failures = failures, .seed = 7},
               kUnwatched)
        .value();
}

}  // namespace

TEST_CASE("jump hash gives the published buckets") {
    CHECK(jump_hash(1, 1) == 0);
    CHECK(jump_hash(42, 57) == 43);
    CHECK(jump_hash(0xDEAD10CC, 1) == 0);
    CHECK(jump_hash(0xDEAD10CC, 666) == 361);
    CHECK(jump_hash(256, 1024) == 520);
}

TEST_CASE("algorithms have names") {
    CHECK(algorithm_named("format1") == Algorithm::kFormat1);
    CHECK(algorithm_named("maglev") == Algorithm::kMaglev);
    CHECK(algorithm_named("rendezvous") == Algorithm::kRendezvous);
    CHECK(algorithm_named("ring") == Algorithm::kRing);
    CHECK(algorithm_named("jump") == Algorithm::kJump);
    CHECK(algorithm_named("modulo") == Algorithm::kModulo);
    CHECK_FALSE(algorithm_named("Ring").has_value());
    CHECK(name_of(Algorithm::kRing) == "ring");
}

TEST_CASE("without a failure format 1 is the paper's table") {
    const auto fleet = Fleet::random(20, 7);
    CHECK(assign(Algorithm::kFormat1, fleet, 251, kUnwatched) ==
          assign(Algorithm::kMaglev, fleet, 251, kUnwatched));
}

TEST_CASE("without a failure no key moves") {
    for (const auto algorithm : kAlgorithms) {
        const auto result = outcome(algorithm, 20, 0);
        CHECK(result.moved == 0);
        CHECK(result.moved_needlessly == 0);
        CHECK(result.before.most == result.after.most);
    }
}

TEST_CASE("with one backend left every key goes there") {
    for (const auto algorithm : kAlgorithms) {
        const auto result = outcome(algorithm, 5, 4, 251);
        CHECK(result.after.most == 1);
        CHECK(result.after.least == 1);
        CHECK(result.moved_needlessly == 0);
        CHECK(result.moved > 0.5);
    }
}

TEST_CASE("format 1, rendezvous and the ring move no survivor's key") {
    for (const auto algorithm : {Algorithm::kFormat1, Algorithm::kRendezvous, Algorithm::kRing}) {
        const auto result = outcome(algorithm, 100, 10);
        CHECK(result.moved_needlessly == 0);
        CHECK(result.moved == Approx(0.1).margin(0.03));
    }
}

TEST_CASE("the paper's table moves some of the survivors' keys") {
    const auto result = outcome(Algorithm::kMaglev, 100, 10);
    CHECK(result.moved_needlessly > 0.01);
    CHECK(result.moved_needlessly < 0.2);
}

TEST_CASE("jump hash and modulo over a list with gaps move nearly everything") {
    CHECK(outcome(Algorithm::kModulo, 100, 10).moved_needlessly > 0.9);
    CHECK(outcome(Algorithm::kJump, 100, 10).moved_needlessly > 0.5);
}

TEST_CASE("a table shares out its slots evenly, keys chosen one by one do not spread so") {
    CHECK(outcome(Algorithm::kMaglev, 1000, 0, 65537).before.most < 1.02);
    CHECK(outcome(Algorithm::kFormat1, 1000, 100, 65537).after.most < 1.08);
    CHECK(outcome(Algorithm::kRing, 1000, 0, 65537).before.most > 1.2);
    CHECK(outcome(Algorithm::kRendezvous, 1000, 0, 65537).before.most > 1.2);
}

TEST_CASE("progress goes from nothing to all without going back") {
    std::vector<double> reports;
    REQUIRE(simulate({.algorithm = Algorithm::kRendezvous, .backends = 3, .keys = 16381},
                     [&](double done) { reports.push_back(done); }));
    CHECK(std::ranges::is_sorted(reports));
    CHECK(reports.front() == 0);
    CHECK(reports.back() == 1);
    CHECK(reports.size() > 4);
}

TEST_CASE("a scenario out of range is refused") {
    const auto error = [](const Scenario& scenario) {
        const auto result = simulate(scenario, kUnwatched);
        return result ? "" : result.error().message;
    };
    CHECK(error({.backends = 0}) == "simulate 0 backends: not in 1..32767");
    CHECK(error({.backends = 32768}) == "simulate 32768 backends: not in 1..32767");
    CHECK(error({.keys = 65536}) == "simulate 65536 keys: not a prime of 251..1048573");
    CHECK(error({.keys = 241}) == "simulate 241 keys: not a prime of 251..1048573");
    CHECK(error({.backends = 5, .failures = 5}) == "simulate 5 failures: of 5 backends none is left");
}
