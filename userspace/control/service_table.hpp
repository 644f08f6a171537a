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

/// The serving table of one service, and its way into the kernel.
class ServiceTable {
  public:
    ServiceTable(const std::vector<DesiredBackend>& backends, std::uint32_t table_size);

    [[nodiscard]] const maglev::ServingTable& serving() const { return serving_; }
    /// Bytes that it occupies, about.
    [[nodiscard]] std::size_t footprint() const;

    /// Whether it is the base table of these backends, so that change() will do.
    [[nodiscard]] bool has_members(const std::vector<DesiredBackend>& backends) const;

    /// Goes over to the availabilities of these backends, which has_members(); stores the slots that change.
    void change(const std::vector<DesiredBackend>& backends, const ServiceNumbers& numbers,
                std::span<std::uint16_t> slots);

    /// Stores every slot that differs.
    void store(const ServiceNumbers& numbers, std::span<std::uint16_t> slots) const;

  private:
    [[nodiscard]] std::vector<std::uint16_t> numbers_by_member(const ServiceNumbers& numbers) const;

    maglev::ServingTable serving_;
};

/// The serving table of these backends, computed from nothing.
[[nodiscard]] maglev::ServingTable serving_table_of(const std::vector<DesiredBackend>& backends,
                                                    std::uint32_t table_size);

}  // namespace guideway::control
