// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
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

    /// Goes over to these backends; the base table is built anew only if members or weights changed.
    void update(const std::vector<DesiredBackend>& backends);

    [[nodiscard]] const maglev::ServingTable& serving() const { return serving_; }

    /// Stores every slot that differs, in place: any mix of old and new slots is a valid table.
    void store(const ServiceNumbers& numbers, std::span<std::uint16_t> slots) const;

  private:
    maglev::ServingTable serving_;
};

/// The serving table of these backends, computed from nothing.
[[nodiscard]] maglev::ServingTable serving_table_of(const std::vector<DesiredBackend>& backends,
                                                    std::uint32_t table_size);

}  // namespace guideway::control
