// SPDX-License-Identifier: Apache-2.0
#include "control/moving_slots.hpp"

#include <algorithm>
#include <limits>

namespace guideway::control {

namespace {
constexpr MovingSlots::BatchId kLearning = 1;  ///< after a merge
constexpr MovingSlots::BatchId kTracking = 2;

bool is_same_step(const SlotBatch& one, const SlotBatch& other) {
    return one.learning == other.learning && one.since == other.since && one.until == other.until &&
           one.tracking_since == other.tracking_since && one.expired == other.expired;
}
}  // namespace

MovingSlots::BatchId MovingSlots::open(const SlotBatch& step) {
    if (latest_ != kNone && is_same_step(batches_[latest_], step))
        return latest_;
    if (batches_.size() > std::numeric_limits<BatchId>::max() &&
        std::ranges::none_of(batches_.begin() + 1, batches_.end(), &SlotBatch::is_empty))
        merge();
    const auto free = std::ranges::find_if(batches_.begin() + 1, batches_.end(), &SlotBatch::is_empty);
    latest_ = static_cast<BatchId>(free - batches_.begin());
    if (free == batches_.end())
        batches_.emplace_back();
    batches_[latest_] = step;
    batches_[latest_].size = 0;
    return latest_;
}

void MovingSlots::put(std::uint32_t slot, BatchId id) {
    if (empty()) {
        batch_of_.assign(slots_, kNone);
        marks_.assign(slots_, false);
    }
    BatchId& place = batch_of_[slot];
    if (place == kNone)
        ++count_;
    else
        --batches_[place].size;
    ++batches_[id].size;
    place = id;
}

void MovingSlots::remove(std::uint32_t slot) {
    BatchId& place = batch_of_[slot];
    --batches_[place].size;
    place = kNone;
    if (--count_ != 0)
        return;
    batch_of_ = {};
    marks_ = {};
    batches_.assign(1, {});
    latest_ = kNone;
}

void MovingSlots::clear_marks() {
    marks_.assign(marks_.size(), false);
}

/// All that learn become one batch, and all that track: nothing ends earlier than it would have.
void MovingSlots::merge() {
    SlotBatch learning{.learning = true};
    SlotBatch tracking{.learning = false};
    for_each_batch([&](const SlotBatch& batch) {
        SlotBatch& whole = batch.learning ? learning : tracking;
        whole.since = std::max(whole.since, batch.since);
        whole.until = std::max(whole.until, batch.until);
        whole.tracking_since = std::max(whole.tracking_since, batch.tracking_since);
        whole.size += batch.size;
    });
    for (auto& id : batch_of_)
        if (id != kNone)
            id = batches_[id].learning ? kLearning : kTracking;
    batches_ = {SlotBatch{}, learning, tracking};
}

}  // namespace guideway::control
