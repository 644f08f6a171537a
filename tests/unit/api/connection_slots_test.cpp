// SPDX-License-Identifier: Apache-2.0
#include "api/connection_slots.hpp"

#include <catch2/catch.hpp>
#include <random>

using namespace guideway::api;
using namespace std::chrono_literals;

namespace {
const ConnectionSlots::Time kStart{1h};
}

TEST_CASE("as long as there are slots nobody gives way") {
    ConnectionSlots slots({.in_all = 3, .per_client = 2});
    for (const char* client : {"a", "a", "b"}) {
        const auto admission = slots.admit(client, kStart);
        CHECK(admission.admitted);
        CHECK_FALSE(admission.gives_way);
    }
    CHECK(slots.size() == 3);
}

TEST_CASE("when all slots are taken, the one that has waited longest for its client gives way") {
    ConnectionSlots slots({.in_all = 3, .per_client = 3});
    const auto first = slots.admit("a", kStart).admitted;
    const auto second = slots.admit("b", kStart + 1s).admitted;
    static_cast<void>(slots.admit("c", kStart + 2s));
    slots.waits(*first, kStart + 3s);
    const auto admission = slots.admit("d", kStart + 4s);
    CHECK(admission.admitted);
    CHECK(admission.gives_way == second);
    CHECK(slots.size() == 3);
}

TEST_CASE("a client that has all its slots makes room for itself, not at others' cost") {
    ConnectionSlots slots({.in_all = 10, .per_client = 2});
    static_cast<void>(slots.admit("quiet", kStart));
    const auto oldest = slots.admit("loud", kStart + 1s).admitted;
    static_cast<void>(slots.admit("loud", kStart + 2s));
    CHECK(slots.admit("loud", kStart + 3s).gives_way == oldest);
}

TEST_CASE("who is being worked for does not give way; if all are, a new one is turned away") {
    ConnectionSlots slots({.in_all = 2, .per_client = 2});
    const auto busy = slots.admit("a", kStart).admitted;
    const auto waiting = slots.admit("b", kStart + 1s).admitted;
    slots.works(*busy);
    CHECK(slots.admit("c", kStart + 2s).gives_way == waiting);
    slots.works(*slots.admit("d", kStart + 3s).admitted);
    const auto turned_away = slots.admit("e", kStart + 4s);
    CHECK_FALSE(turned_away.admitted);
    CHECK_FALSE(turned_away.gives_way);
    slots.leave(*busy);
    CHECK(slots.admit("e", kStart + 5s).admitted);
}

TEST_CASE("one that gave way is forgotten, whatever is said of it later") {
    ConnectionSlots slots({.in_all = 1, .per_client = 1});
    const auto first = slots.admit("a", kStart).admitted;
    const auto second = slots.admit("b", kStart).admitted;
    slots.waits(*first, kStart);
    slots.works(*first);
    slots.leave(*first);
    CHECK(slots.size() == 1);
    CHECK(slots.admit("c", kStart).gives_way == second);
}

TEST_CASE("whatever one client does, another that asks is admitted, and keeps its slot while it is quick") {
    std::mt19937 random(21120);
    ConnectionSlots slots({});
    std::vector<ConnectionSlots::Id> hostile;
    auto now = kStart;
    for (int step = 0; step < 10'000; ++step) {
        now += 1ms;
        const auto admission = slots.admit("hostile", now);
        REQUIRE(admission.admitted);
        hostile.push_back(*admission.admitted);
        if (random() % 2 == 0)
            slots.waits(hostile[random() % hostile.size()], now);
        const auto mine = slots.admit("mine", now);
        REQUIRE(mine.admitted);
        CHECK(mine.gives_way != mine.admitted);
        slots.works(*mine.admitted);
        for (int more = 0; more < 5; ++more)
            CHECK(slots.admit("hostile", now).gives_way != mine.admitted);
        slots.leave(*mine.admitted);
        REQUIRE(slots.size() <= 128);
    }
}
