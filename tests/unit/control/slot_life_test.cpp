// SPDX-License-Identifier: Apache-2.0
#include "control/slot_life.hpp"

#include <catch2/catch.hpp>
#include <set>
#include <vector>

using namespace guideway;
using namespace guideway::control;
using namespace std::chrono_literals;

namespace {
const TimePoint kStart{1h};
constexpr std::uint16_t kMoving = abi::SLOT_MOVING;

struct Fixture {
    std::vector<std::uint16_t> slots{1, 1, 2, 2};
    std::vector<std::uint16_t> previous{0, 0, 0, 0};
    std::set<std::uint16_t> dead;
    TrackingSettings settings{.tracks = true, .always = false, .idle_timeout = 10s, .max_drain = 60s};
    SlotLife life = make();

    SlotLife make() {
        return {slots, previous, [this](std::uint16_t number) { return !dead.contains(number); }, settings,
                kStart};
    }
    bool keeps(std::uint32_t slot, std::uint16_t backend, TimePoint last_seen = kStart) {
        return life.keeps({.last_seen = static_cast<std::uint64_t>(
                               std::chrono::nanoseconds(last_seen.time_since_epoch()).count()),
                           .slot = slot,
                           .backend = backend,
                           .padding = 0});
    }
    void sweep(TimePoint now) {
        life.advance(now);
        life.begin_sweep(now);
    }
};
}  // namespace

TEST_CASE_METHOD(Fixture, "a slot learns for an idle timeout, tracks for a second at least, and settles") {
    life.move(0, 2, kStart);
    CHECK(slots[0] == (kMoving | 2));
    CHECK(previous[0] == 1);
    CHECK(life.is_learning_of(1));
    sweep(kStart + 9s);
    life.end_sweep();
    CHECK(previous[0] == 1);
    sweep(kStart + 10s);
    life.end_sweep();
    CHECK(slots[0] == (kMoving | 2));
    CHECK(previous[0] == 0);
    CHECK(life.counts().tracking == 1);
    sweep(kStart + 11s);
    life.end_sweep();
    CHECK(slots[0] == 2);
    CHECK_FALSE(life.needs_sweeps());
}

TEST_CASE_METHOD(Fixture, "a record of a former owner keeps its slot moving until it falls silent") {
    life.move(0, 2, kStart);
    sweep(kStart + 10s);
    CHECK(keeps(0, 1, kStart + 9s));
    CHECK_FALSE(keeps(0, 2, kStart + 9s));
    life.end_sweep();
    sweep(kStart + 15s);
    CHECK(keeps(0, 1, kStart + 9s));
    life.end_sweep();
    CHECK(slots[0] == (kMoving | 2));
    sweep(kStart + 20s);
    CHECK_FALSE(keeps(0, 1, kStart + 9s));
    life.end_sweep();
    CHECK(slots[0] == 2);
}

TEST_CASE_METHOD(Fixture, "max_drain ends learning and records") {
    settings.idle_timeout = 50s;
    life.configure(settings, kStart);
    life.move(0, 2, kStart);
    sweep(kStart + 50s);
    CHECK(keeps(0, 1, kStart + 49s));
    life.end_sweep();
    sweep(kStart + 60s);
    CHECK_FALSE(keeps(0, 1, kStart + 59s));
    life.end_sweep();
    CHECK(slots[0] == 2);
}

TEST_CASE_METHOD(Fixture,
                 "refused records extend learning by an idle timeout, time and again, up to max_drain") {
    life.move(0, 2, kStart);
    for (auto time = 9s; time < 60s; time += 9s) {
        life.records_refused(kStart + time);
        sweep(kStart + time);
        life.end_sweep();
        CHECK(previous[0] == 1);
    }
    life.records_refused(kStart + 60s);
    sweep(kStart + 60s);
    CHECK(previous[0] == 0);
}

TEST_CASE_METHOD(Fixture, "an owner that is nobody or dead is not learnt of") {
    slots[0] = 0;
    life.move(0, 2, kStart);
    CHECK(slots[0] == 2);
    dead.insert(1);
    life.move(1, 2, kStart);
    CHECK(slots[1] == 2);
    CHECK_FALSE(life.is_moving());
}

TEST_CASE_METHOD(Fixture, "a slot that comes to nobody still learns of its flows") {
    life.move(0, 0, kStart);
    CHECK(slots[0] == kMoving);
    CHECK(previous[0] == 1);
}

TEST_CASE_METHOD(Fixture, "a successor takes over what moves: learning with a full timeout") {
    life.move(0, 2, kStart - 9s);
    life.move(1, 2, kStart - 9s);
    previous[1] = 0;
    SlotLife successor = make();
    CHECK(successor.counts().learning == 1);
    CHECK(successor.counts().tracking == 1);
    successor.advance(kStart + 9s);
    CHECK(previous[0] == 1);
    successor.advance(kStart + 10s);
    CHECK(previous[0] == 0);
}

TEST_CASE_METHOD(Fixture, "a service that no longer tracks settles at once") {
    life.move(0, 2, kStart);
    settings.tracks = false;
    life.configure(settings, kStart);
    CHECK(slots == std::vector<std::uint16_t>{2, 1, 2, 2});
    CHECK(previous[0] == 0);
    life.begin_sweep(kStart);
    CHECK_FALSE(keeps(0, 1));
}

TEST_CASE_METHOD(Fixture, "leaving tracking: always, flows that have records elsewhere keep them") {
    settings.always = true;
    life.configure(settings, kStart);
    sweep(kStart);
    CHECK(keeps(0, 1));
    CHECK(keeps(0, 2));
    life.end_sweep();
    settings.always = false;
    life.configure(settings, kStart);
    CHECK(slots == std::vector<std::uint16_t>{kMoving | 1, kMoving | 1, kMoving | 2, kMoving | 2});
    sweep(kStart + 2s);
    CHECK(keeps(0, 2, kStart + 1s));
    CHECK_FALSE(keeps(1, 1, kStart + 1s));
    life.end_sweep();
    CHECK(slots == std::vector<std::uint16_t>{kMoving | 1, 1, 2, 2});
}

TEST_CASE_METHOD(Fixture, "a fresh balancer learns of a draining backend's flows") {
    life.learn(2, 1, kStart);
    CHECK(slots[2] == (kMoving | 2));
    CHECK(previous[2] == 1);
    life.learn(0, 1, kStart);
    CHECK(slots[0] == 1);
}
