// SPDX-License-Identifier: Apache-2.0
#include "control/moving_slots.hpp"

#include <catch2/catch.hpp>

using namespace guideway::control;
using namespace std::chrono_literals;

namespace {
const TimePoint kStart{1h};

SlotBatch learning(TimePoint since) {
    return {.learning = true, .since = since, .until = since + 10s};
}
SlotBatch tracking(TimePoint since) {
    return {.learning = false, .since = since, .tracking_since = since + 1s};
}
}  // namespace

TEST_CASE("slots that take the same step share a batch") {
    MovingSlots slots(4);
    slots.put(0, slots.open(learning(kStart)));
    slots.put(3, slots.open(learning(kStart)));
    CHECK(slots.batch_of(0) == slots.batch_of(3));
    CHECK(slots.batch(slots.batch_of(0)).size == 2);
    slots.put(1, slots.open(tracking(kStart)));
    CHECK(slots.batch_of(1) != slots.batch_of(0));
    CHECK_FALSE(slots.contains(2));
}

TEST_CASE("a slot leaves its batch for another one, and at last none moves") {
    MovingSlots slots(4);
    slots.put(0, slots.open(learning(kStart)));
    slots.put(1, slots.open(learning(kStart)));
    slots.put(1, slots.open(learning(kStart + 1s)));
    CHECK(slots.batch(slots.batch_of(0)).size == 1);
    CHECK(slots.batch(slots.batch_of(1)).since == kStart + 1s);
    slots.mark(1);
    CHECK(slots.is_marked(1));
    slots.remove(0);
    slots.remove(1);
    CHECK(slots.empty());
    CHECK_FALSE(slots.contains(1));
    slots.put(1, slots.open(learning(kStart + 1s)));
    CHECK_FALSE(slots.is_marked(1));
    CHECK(slots.batch(slots.batch_of(1)).size == 1);
}

TEST_CASE("numbers of empty batches are given out again") {
    MovingSlots slots(2);
    slots.put(0, slots.open(learning(kStart)));
    const auto first = slots.batch_of(0);
    slots.put(1, slots.open(learning(kStart + 1s)));
    slots.put(0, slots.open(learning(kStart + 2s)));
    slots.put(1, slots.open(learning(kStart + 3s)));
    CHECK(slots.batch_of(1) == first);
}

TEST_CASE("where numbers run out, batches are merged, and nothing ends earlier than it would have") {
    constexpr std::uint32_t kSlots = 65'536;
    MovingSlots slots(kSlots);
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
        const auto since = kStart + std::chrono::seconds(slot);
        slots.put(slot, slots.open(slot % 2 == 0 ? learning(since) : tracking(since)));
    }
    std::uint32_t size = 0;
    slots.for_each_batch([&](const SlotBatch& batch) { size += batch.size; });
    CHECK(size == kSlots);
    bool kept = true;
    slots.for_each_slot([&](std::uint32_t slot, auto id) {
        const auto& batch = slots.batch(id);
        const auto since = kStart + std::chrono::seconds(slot);
        kept = kept && (slot % 2 == 0 ? batch.learning && batch.until >= since + 10s
                                      : !batch.learning && batch.tracking_since >= since + 1s);
        kept = kept && batch.since >= since;
    });
    CHECK(kept);
}
