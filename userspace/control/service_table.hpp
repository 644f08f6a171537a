// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
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
    ServiceTable(const std::vector<DesiredBackend>& backends, const ServiceNumbers& numbers);

    [[nodiscard]] const maglev::ServingTable& serving() const { return serving_; }
    /// Bytes that it occupies, about.
    [[nodiscard]] std::size_t footprint() const;

    /// Whether it is made of these backends' addresses and weights, so that change() will do.
    [[nodiscard]] bool has_members(const std::vector<DesiredBackend>& backends) const;

    /// A slot and the backend number that it gets; 0 = nobody.
    struct Move {
        std::uint32_t slot = 0;
        std::uint16_t number = 0;
    };

    /// Goes over to the availabilities of these backends, which it has_members() of; the slots that change.
    [[nodiscard]] std::vector<Move> change(const std::vector<DesiredBackend>& backends);

    /// About how long that would take.
    [[nodiscard]] std::chrono::nanoseconds change_cost(const std::vector<DesiredBackend>& backends) const;

    /// The slots of backends that are alive and get no share, whose flows live on elsewhere; `number`: the
    /// backend's.
    [[nodiscard]] std::vector<Move> draining(const std::vector<DesiredBackend>& backends) const;

    /// What every slot holds.
    [[nodiscard]] std::vector<std::uint16_t> slots() const;

  private:
    [[nodiscard]] std::vector<maglev::Availability> availabilities(
        const std::vector<DesiredBackend>& backends) const;
    [[nodiscard]] std::uint16_t number_of(std::uint16_t owner) const {
        return owner == maglev::kNobody ? std::uint16_t{0} : numbers_[owner];
    }

    maglev::ServingTable serving_;
    std::vector<std::uint16_t> numbers_;     ///< by member
    std::vector<std::uint16_t> members_of_;  ///< by position in the list of backends that it was made of
};

/// The serving table of these backends, computed from nothing.
[[nodiscard]] maglev::ServingTable serving_table_of(const std::vector<DesiredBackend>& backends,
                                                    std::uint32_t table_size);

}  // namespace guideway::control
