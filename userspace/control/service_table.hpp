// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "control/desired_state.hpp"
#include "control/numbering.hpp"
#include "maglev/serving_table.hpp"

namespace guideway::control {

/// The serving table of one service as the kernel holds it: slots of backend numbers.
class ServiceTable {
  public:
    ServiceTable(const std::vector<DesiredBackend>& backends, const ServiceNumbers& numbers,
                 std::uint32_t table_size);

    [[nodiscard]] const maglev::ServingTable& serving() const { return serving_; }
    /// Bytes that it occupies, about.
    [[nodiscard]] std::size_t footprint() const;

    /// Whether it is made of these backends' addresses and weights, so that change() will do.
    [[nodiscard]] bool has_members(const std::vector<DesiredBackend>& backends) const;

    /// Goes over to the availabilities of these backends, which it has_members() of; stores the slots that
    /// change.
    void change(const std::vector<DesiredBackend>& backends, std::span<std::uint16_t> slots);

    /// What every slot holds.
    [[nodiscard]] std::vector<std::uint16_t> slots() const;

  private:
    [[nodiscard]] std::uint16_t number_of(std::uint16_t owner) const {
        return owner == maglev::kNobody ? std::uint16_t{0} : numbers_[owner];
    }

    maglev::ServingTable serving_;
    std::vector<std::uint16_t> numbers_;     ///< by member
    std::vector<std::uint16_t> members_of_;  ///< by position in the list of backends that it was made of
};

/// Stores the slots that differ, in place, while packets read: any mix of old and new slots is a valid table.
void store_slots(std::span<const std::uint16_t> wanted, std::span<std::uint16_t> slots);

/// The serving table of these backends, computed from nothing.
[[nodiscard]] maglev::ServingTable serving_table_of(const std::vector<DesiredBackend>& backends,
                                                    std::uint32_t table_size);

}  // namespace guideway::control
