// SPDX-License-Identifier: Apache-2.0
#include "agent/former_states.hpp"

#include <catch2/catch.hpp>

using namespace guideway;
using namespace guideway::agent;
using namespace std::chrono_literals;
using api::EventKind;

namespace {
const FormerStates::SteadyTime kBegin{1000s};
const std::chrono::system_clock::time_point kDay{1769860800s};

api::Event backend(EventKind kind, std::chrono::system_clock::time_point at = kDay,
                   const std::string& address = "10.0.0.101") {
    return {.at = at, .kind = kind, .service = "web", .backend = address};
}
}  // namespace

TEST_CASE("how long a backend was down is told when it is up") {
    FormerStates states(10);
    CHECK_FALSE(states.note(backend(EventKind::kUp), kBegin));
    CHECK(states.note(backend(EventKind::kDown), kBegin + 5s) == 5s);
    CHECK(states.note(backend(EventKind::kUp), kBegin + 5250ms) == 250ms);
}

TEST_CASE("each aspect of a backend, and each backend, has its own times") {
    FormerStates states(10);
    CHECK_FALSE(states.note(backend(EventKind::kUp), kBegin));
    CHECK_FALSE(states.note(backend(EventKind::kDrained), kBegin + 1s));
    CHECK_FALSE(states.note(backend(EventKind::kDown, kDay, "10.0.0.102"), kBegin + 2s));
    CHECK(states.note(backend(EventKind::kDown), kBegin + 3s) == 3s);
    CHECK(states.note(backend(EventKind::kUndrained), kBegin + 4s) == 3s);
}

TEST_CASE("a state that goes on is not another one") {
    FormerStates states(10);
    const api::Event moved{.kind = EventKind::kMoved, .service = "web", .slots = 5};
    CHECK_FALSE(states.note(moved, kBegin));
    CHECK_FALSE(states.note(moved, kBegin + 1s));
    CHECK(states.note({.kind = EventKind::kSettled, .service = "web"}, kBegin + 3s) == 3s);
}

TEST_CASE("an earlier agent's events count by the time of day") {
    FormerStates states(10);
    states.note(backend(EventKind::kDown, kDay), std::nullopt);
    CHECK(states.note(backend(EventKind::kUp, kDay + 90s), kBegin) == 90s);
}

TEST_CASE("a clock that was set back tells no duration, and one that was set in between does not count") {
    FormerStates states(10);
    states.note(backend(EventKind::kDown, kDay), std::nullopt);
    CHECK_FALSE(states.note(backend(EventKind::kUp, kDay - 1s), kBegin));
    CHECK(states.note(backend(EventKind::kDown, kDay + 1h), kBegin + 2s) == 2s);
}

TEST_CASE("what nobody was told the time of has no duration") {
    FormerStates states(10);
    states.note(backend(EventKind::kDown), kBegin);
    states.forget(backend(EventKind::kUp));
    CHECK_FALSE(states.note(backend(EventKind::kDown), kBegin + 9s));
}

TEST_CASE("no more is remembered than there are events") {
    FormerStates states(2);
    states.note(backend(EventKind::kDown, kDay, "10.0.0.1"), kBegin);
    states.note(backend(EventKind::kDown, kDay, "10.0.0.2"), kBegin);
    states.note(backend(EventKind::kDown, kDay, "10.0.0.3"), kBegin);
    CHECK_FALSE(states.note(backend(EventKind::kUp, kDay, "10.0.0.1"), kBegin + 1s));
    CHECK(states.note(backend(EventKind::kUp, kDay, "10.0.0.3"), kBegin + 1s) == 1s);
}
