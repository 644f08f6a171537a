// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>

#include "control/moving_slots.hpp"
#include "control/slot_history.hpp"
#include "util/abi.hpp"

namespace guideway::control {

/// Of one service.
struct TrackingSettings {
    bool tracks = true;          ///< some of its flows have records while their slots move
    bool always = false;         ///< all of its flows have records
    bool second_chance = false;  ///< packets of its TCP flows name former owners of moving slots
    unsigned max_hops = 0;       ///< so many of them at most
    SteadyClock::duration idle_timeout = std::chrono::minutes(10);
    SteadyClock::duration max_drain = std::chrono::hours(1);

    bool operator==(const TrackingSettings&) const = default;
};

/// Whether flows of a backend number are still served.
using IsAlive = std::function<bool(std::uint16_t)>;

/// Who the backends of a service are where packets name them.
struct HopDirectory {
    std::function<datapath::HopNumber(std::uint16_t)> hop_of;  ///< of a backend number; 0: of nobody
    std::function<std::map<datapath::HopNumber, std::uint16_t>()> numbers;  ///< of those that have one
    std::function<std::set<datapath::HopNumber>()> dead;  ///< whose flows are not served any more
};

/// The slots of one service as they are in the kernel, and the agent's half of the rules by which they move
/// (bpf/moving_slot.h is the other half): a slot that gets another owner is *learning* for an idle timeout,
/// in which every live flow of the old owner gets a record; then *tracking*, until no record is needed any
/// more; then *settled*. A backend whose alive flag falls voids its records and its place in 'previous', but
/// does not lose them: it may have been given up wrongly, and flows that were silent meanwhile find it again.
/// Only where there is no room for records they are dropped. Stores only, while packets read: 'previous'
/// before the slot. Where packets name former owners the slot's history tells which, and no record is needed.
class SlotLife {
  public:
    /// Takes over what an earlier agent left in them: learning starts with a full timeout.
    SlotLife(std::span<std::uint16_t> slots, std::span<std::uint16_t> previous, IsAlive alive,
             const TrackingSettings& settings, TimePoint now);

    /// Call before packets see the settings: who has records keeps them.
    void configure(const TrackingSettings& settings, TimePoint now);

    /// From now on packets name former owners: those of this history, and those that slots learn of now.
    void name_former_owners(SlotHistory history, HopDirectory hops, TimePoint now);
    [[nodiscard]] bool names_former_owners() const { return history_.has_value(); }
    /// Adds what another balancer knows of a slot, or an earlier agent.
    void merge(std::uint32_t slot, const SlotPast& past, TimePoint now);
    /// Takes notice of backends that died or came back, and of those whose max_drain is over.
    void refresh_hops(TimePoint now);
    /// Only if it names_former_owners().
    [[nodiscard]] SlotHistory& history() { return *history_; }
    [[nodiscard]] const SlotHistory& history() const { return *history_; }

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

    [[nodiscard]] bool is_moving() const { return !moving_.empty() || has_old_records_; }
    /// Whether a pass over the records has something to do.
    [[nodiscard]] bool needs_sweeps() const {
        return is_moving() || settings_.always || (history_ && !history_->is_empty());
    }
    [[nodiscard]] bool is_learning_of(std::uint16_t number) const;

    /// How many slots have left a backend since this began.
    [[nodiscard]] std::uint64_t moved() const { return moved_; }

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
    void store_word(std::uint32_t slot, std::uint16_t owner);
    void forget_former_owners(TimePoint now);

    std::span<std::uint16_t> slots_;
    std::span<std::uint16_t> previous_;
    IsAlive alive_;
    TrackingSettings settings_;
    MovingSlots moving_;
    std::uint64_t moved_ = 0;
    TimePoint learning_extended_until_;
    bool room_is_short_ = false;  ///< in the present pass
    TimePoint sweep_began_;
    std::optional<SlotHistory> history_;
    HopDirectory hops_;
    bool has_old_records_ = false;  ///< the first pass since packets name former owners tells whose they were
};

}  // namespace guideway::control
