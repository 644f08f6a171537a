// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "maglev/base_table.hpp"
#include "maglev/slot_bitmap.hpp"

namespace guideway::maglev {

/// How much of its share a member can take: 0 = down or drained, kFull = all of it.
using Availability = std::uint16_t;
inline constexpr Availability kFull = 256;

struct SlotChange {
    std::uint32_t slot = 0;
    std::uint16_t owner = kNobody;  ///< the new one

    auto operator<=>(const SlotChange&) const = default;
};

/// The base table with the shares of unavailable members re-assigned (table format 1): a pure function of
/// (base table, availabilities), computed by changes. A member keeps its lowest-ranked slots, in proportion
/// to its availability, and they never move; the others are vacant and go to members with room, by probing
/// for a kept slot under a cap of 1.02 of the fair load ("Consistent Hashing with Bounded Loads", Mirrokni et
/// al. 2017).
class ServingTable {
  public:
    /// Every member is fully available: the owners are those of the base table.
    explicit ServingTable(std::shared_ptr<const BaseTable> base);

    [[nodiscard]] const BaseTable& base() const { return *base_; }
    [[nodiscard]] std::span<const Availability> availabilities() const { return availabilities_; }
    /// For each slot the index of its owner among the base table's members, or kNobody.
    [[nodiscard]] std::span<const std::uint16_t> owners() const { return owners_; }

    /// Goes over to these availabilities, 0..kFull for each member; the slots whose owner changed, each once.
    [[nodiscard]] std::vector<SlotChange> update(std::span<const Availability> availabilities);

    /// About how long update() would take on one core of a present machine: to decide where to run it.
    [[nodiscard]] std::chrono::nanoseconds update_cost(std::span<const Availability> availabilities) const;

  private:
    [[nodiscard]] std::uint32_t kept_slots(std::size_t member, Availability availability) const;
    void set_availability(std::size_t member, Availability availability, std::vector<SlotChange>& changes);
    void assign(std::uint32_t slot, std::uint16_t owner, std::vector<SlotChange>& changes);
    [[nodiscard]] std::uint16_t adopter_of(std::uint32_t slot);
    [[nodiscard]] std::uint16_t strongest_for(std::uint32_t slot);
    [[nodiscard]] bool has_room(std::uint16_t member) const;

    std::shared_ptr<const BaseTable> base_;
    std::vector<Availability> availabilities_;
    std::vector<std::uint32_t> effective_weights_;  ///< weight * availability
    std::uint64_t effective_weight_ = 0;            ///< their sum
    SlotBitmap kept_;
    std::vector<std::uint32_t> kept_counts_;
    std::vector<std::uint32_t> loads_;  ///< slots owned so far, while vacant slots are being re-assigned
    std::vector<std::uint16_t>
        available_;  ///< members with an effective weight; empty until one is looked for
    std::vector<std::uint16_t> owners_;
};

}  // namespace guideway::maglev
