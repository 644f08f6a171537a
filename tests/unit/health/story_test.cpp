// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <random>

#include "model/health_story.hpp"

using namespace guideway::test;

namespace {
/// Of so many stories, those in which a promise was broken.
int broken_promises(const std::set<std::string>& without, int stories) {
    int broken = 0;
    for (int seed = 1; seed <= stories; ++seed)
        broken += tell_health_story(static_cast<std::uint64_t>(seed), without).wrong.empty() ? 0 : 1;
    return broken;
}
}  // namespace

TEST_CASE("whatever host, links and backends do, no connection is given up too early, and no flow is late") {
    HealthStory all;
    for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
        const auto story = tell_health_story(seed);
        CAPTURE(seed, story.wrong);
        REQUIRE(story.wrong.empty());
        all.downs += story.downs;
        all.deaths += story.deaths;
    }
    CHECK(all.downs > 2000);
    CHECK(all.deaths > 500);
}

TEST_CASE("each of the rules of death is needed") {
    for (const char* rule : {"not-tried", "way-changes", "ceased", "first-bad", "in-a-row", "served-again",
                             "begun", "others", "two-intervals"}) {
        CAPTURE(rule);
        CHECK(broken_promises({rule}, 2000) > 0);
    }
}

/// ./scripts/fuzz stories SECONDS
TEST_CASE("stories for as long as is asked for", "[.stories]") {
    const char* seconds = std::getenv("GUIDEWAY_SECONDS");
    const char* first = std::getenv("GUIDEWAY_SEED");
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    const auto end = start + std::chrono::seconds(seconds != nullptr ? std::atoi(seconds) : 10);
    std::uint64_t stories = 0;
    HealthStory all;
    std::uint64_t seed = first != nullptr ? std::strtoull(first, nullptr, 10) : std::random_device{}();
    for (; Clock::now() < end; ++seed, ++stories) {
        const auto story = tell_health_story(seed);
        CAPTURE(seed, story.wrong);
        REQUIRE(story.wrong.empty());
        all.probes += story.probes;
        all.downs += story.downs;
        all.deaths += story.deaths;
    }
    const std::chrono::duration<double> took = Clock::now() - start;
    fmt::print("{} stories, {:.0f} a second: {} probes, {} times a backend ceased to serve, {} given up\n",
               stories, stories / took.count(), all.probes, all.downs, all.deaths);
}
