// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <span>

#include "control/moving_slots.hpp"
#include "util/abi.hpp"

namespace guideway::control {

/// Of one service.
struct TrackingSettings {
    bool tracks = true;   ///< some of its flows have records while their slots move
    bool always = false;  ///< all of its flows have records
    SteadyClock::duration idle_timeout = std::chrono::minutes(10);
    SteadyClock::duration max_drain = std::chrono::hours(1);

    bool operator==(const TrackingSettings&) const = default;
};

/// Whether flows of a backend number are still served.
using IsAlive = std::function<bool(std::uint16_t)>;

/// The slots of one service as they are in the kernel, and the agent's half of the rules by which they move
/// (bpf/moving_slot.h is the other half): a slot that gets another owner is *learning* for an idle timeout,
/// in which every live flow of the old owner gets a record; then *tracking*, until no record is needed any
/// more; then *settled*. A backend whose alive flag falls voids its records and its place in 'previous', but
/// does not lose them: it may have been given up wrongly, and flows that were silent meanwhile find it again.
/// Only where there is no room for records they are dropped. Stores only, while packets read: 'previous'
/// before the slot.
class SlotLife {
  public:
    /// Takes over what an earlier agent left in them: learning starts with a full timeout.
    SlotLife(std::span<std::uint16_t> slots, std::span<std::uint16_t> previous, IsAlive alive,
             const TrackingSettings& settings, TimePoint now);

    /// Call before packets see the settings: who has records keeps them.
    void configure(const TrackingSettings& settings, TimePoint now);

    /// Gives a slot to another backend number; 0 = nobody.
    void move(std::uint32_t slot, std::uint16_t owner, TimePoint now);

    /// Has a settled slot learn flows of a backend that owned it on other balancers, or before a reboot.
    void learn(std::uint32_t slot, std::uint16_t former, TimePoint now);

    /// Flows could not be recorded: what is learning goes on for another timeout.
    void records_refused(TimePoint now);

    /// Records of some service were refused: those of dead backends give way, and slots that learn of one
    /// learn no longer. What an owner could not record would be lost when the dead one comes back.
    void make_room(TimePoint now);

    /// Ends the learning and the moving that are due.
    void advance(TimePoint now);

    [[nodiscard]] bool is_moving() const { return !moving_.empty(); }
    /// Whether a pass over the records has something to do.
    [[nodiscard]] bool needs_sweeps() const { return is_moving() || settings_.always; }
    [[nodiscard]] bool is_learning_of(std::uint16_t number) const;

    struct Counts {
        std::uint32_t learning = 0;
        std::uint32_t tracking = 0;
    };
    [[nodiscard]] Counts counts() const;

    /// A pass over all records: begin_sweep(), keeps() for each record of the service, end_sweep(). Moves in
    /// between are harmless.
    void begin_sweep(TimePoint now);
    /// Whether a record is still needed.
    [[nodiscard]] bool keeps(const abi::flow_record& record);
    /// Settles the slots that no record needed.
    void end_sweep();

  private:
    [[nodiscard]] std::uint16_t owner(std::uint32_t slot) const;
    [[nodiscard]] bool is_learning(std::uint32_t slot) const;
    void start_learning(std::uint32_t slot, std::uint16_t former, TimePoint now);
    void store_tracking(std::uint32_t slot);
    template <typename Condition>
    void settle_if(Condition condition);
    void settle(std::uint32_t slot);

    std::span<std::uint16_t> slots_;
    std::span<std::uint16_t> previous_;
    IsAlive alive_;
    TrackingSettings settings_;
    MovingSlots moving_;
    TimePoint learning_extended_until_;
    bool room_is_short_ = false;  ///< in the present pass
    TimePoint sweep_began_;
};

}  // namespace guideway::control
