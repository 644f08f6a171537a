// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

namespace guideway::control {

using SteadyClock = std::chrono::steady_clock;
using TimePoint = SteadyClock::time_point;

/// Slots that left being settled together, and learn or track together ever since.
struct SlotBatch {
    bool learning = true;  ///< else tracking
    TimePoint since = {};  ///< they left being settled, or learn again
    TimePoint until = {};  ///< while learning: its end
    TimePoint tracking_since = {};
    bool expired = false;    ///< max_drain is over: no record is needed
    std::uint32_t size = 0;  ///< slots

    [[nodiscard]] bool is_empty() const { return size == 0; }
};

/// Which slots of one service move, and since when. A mass failure moves most slots of every service in one
/// step: a slot costs the two bytes of its batch's number and a bit, and only while some slot of its service
/// moves.
class MovingSlots {
  public:
    using BatchId = std::uint16_t;
    static constexpr BatchId kNone = 0;  ///< of a settled slot

    explicit MovingSlots(std::uint32_t slots) : slots_(slots), batches_(1) {}

    [[nodiscard]] bool empty() const { return count_ == 0; }
    [[nodiscard]] BatchId batch_of(std::uint32_t slot) const { return empty() ? kNone : batch_of_[slot]; }
    [[nodiscard]] bool contains(std::uint32_t slot) const { return batch_of(slot) != kNone; }

    /// The batch for slots that take this step. Other numbers than the one that it returns may change: where
    /// all 65,535 are in use, batches are merged.
    BatchId open(const SlotBatch& step);
    [[nodiscard]] SlotBatch& batch(BatchId id) { return batches_[id]; }

    /// Puts a slot into a batch, out of the one that it is in.
    void put(std::uint32_t slot, BatchId id);
    void remove(std::uint32_t slot);

    /// Calls `visit(batch)` for each that has slots.
    template <typename Visit>
    void for_each_batch(Visit visit) const {
        for (const auto& batch : batches_)
            if (!batch.is_empty())
                visit(batch);
    }
    template <typename Visit>
    void for_each_batch(Visit visit) {
        for (auto& batch : batches_)
            if (!batch.is_empty())
                visit(batch);
    }
    /// Calls `visit(slot, batch's number)` for each slot that moves; it may put the slot elsewhere.
    template <typename Visit>
    void for_each_slot(Visit visit) const {
        for (std::uint32_t slot = 0; slot < slots_ && !empty(); ++slot)
            if (const auto id = batch_of_[slot]; id != kNone)
                visit(slot, id);
    }

    /// One mark a slot, which stays with it until all are cleared.
    void clear_marks();
    void mark(std::uint32_t slot) { marks_[slot] = true; }
    [[nodiscard]] bool is_marked(std::uint32_t slot) const { return marks_[slot]; }

  private:
    void merge();

    std::uint32_t slots_;
    std::uint32_t count_ = 0;
    std::vector<BatchId> batch_of_;   ///< by slot; empty while none moves
    std::vector<bool> marks_;         ///< by slot; empty while none moves
    std::vector<SlotBatch> batches_;  ///< by number; the first is no batch
    BatchId latest_ = kNone;          ///< opened last
};

}  // namespace guideway::control
