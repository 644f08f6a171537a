// SPDX-License-Identifier: Apache-2.0
#include "agent/event_throttle.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace guideway;
using namespace guideway::agent;
using namespace std::chrono_literals;

namespace {
const EventThrottle::SteadyTime kBegin{1000s};

api::Event down(int backend, const std::string& service = "web", const std::string& reason = "refused") {
    return {.kind = api::EventKind::kDown,
            .service = service,
            .backend = "10.0.0." + std::to_string(backend),
            .reason = reason};
}

int admitted(EventThrottle& throttle, int count, EventThrottle::SteadyTime now) {
    int told = 0;
    for (int i = 0; i < count; ++i)
        told += throttle.admits(down(i), now) ? 1 : 0;
    return told;
}
}  // namespace

TEST_CASE("so many events of a kind are told one by one in a second") {
    EventThrottle throttle;
    CHECK(admitted(throttle, 100, kBegin) == 100);
    CHECK_FALSE(throttle.due());
    CHECK(admitted(throttle, 100, kBegin + 1s) == 100);
    CHECK_FALSE(throttle.due());
}

TEST_CASE("97,000 backends that fail at once are 101 events, and none is forgotten") {
    EventThrottle throttle;
    CHECK(admitted(throttle, 97'000, kBegin) == 100);
    REQUIRE(throttle.due() == kBegin + 1s);
    CHECK(throttle.take_due(kBegin + 999ms).empty());
    const auto others = throttle.take_due(kBegin + 1s);
    REQUIRE(others.size() == 1);
    CHECK(others[0].count == 96'900);
    CHECK(others[0].service == "web");
    CHECK(others[0].reason == "refused");
    CHECK(others[0].backend.empty());
    CHECK_FALSE(throttle.due());
    CHECK(admitted(throttle, 1, kBegin + 1s) == 1);
}

TEST_CASE("what they do not have in common is not said of many") {
    EventThrottle throttle;
    admitted(throttle, 100, kBegin);
    CHECK_FALSE(throttle.admits(down(1), kBegin));
    CHECK_FALSE(throttle.admits(down(2, "dns", "timed out"), kBegin));
    const auto others = throttle.take_all();
    REQUIRE(others.size() == 1);
    CHECK(others[0].count == 2);
    CHECK(others[0].service.empty());
    CHECK(others[0].reason.empty());
}

TEST_CASE("a kind that comes often does not hide the others") {
    EventThrottle throttle;
    admitted(throttle, 1000, kBegin);
    CHECK(throttle.admits({.kind = api::EventKind::kPanic, .service = "web"}, kBegin));
    CHECK(throttle.take_all().size() == 1);
}

TEST_CASE("slots that moved are summed up") {
    EventThrottle throttle;
    int told = 0;
    for (int i = 0; i < 102; ++i)
        told +=
            throttle.admits({.kind = api::EventKind::kMoved, .service = "web", .slots = 7}, kBegin) ? 1 : 0;
    CHECK(told == 100);
    CHECK(throttle.take_all().at(0).slots == 14);
}
