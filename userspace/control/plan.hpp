// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/desired_state.hpp"

namespace guideway::control {

/// What decides where flows go: the services, and what all of them have in common.
struct Placement {
    DesiredState state;
    std::string hash_key;  ///< or anything that is equal if and only if the keys are
};

/// Nothing on a side where the backend is not configured.
struct BackendPlan {
    IpAddress address;
    std::optional<std::uint16_t> weight_before, weight_after;
    std::uint32_t slots_before = 0, slots_after = 0;
};

enum class ServiceFate : std::uint8_t { kUnchanged, kChanged, kAdded, kRemoved };

/// Slots of the serving table; all flows of a slot that moves go to another backend.
struct ServicePlan {
    std::string name;
    ServiceFate fate = ServiceFate::kUnchanged;
    std::string everything_moves_because;  ///< empty unless the placement of all its flows changes
    std::uint32_t table_size_before = 0, table_size = 0;  ///< alike where the service is on one side alone
    std::uint32_t moved = 0;
    std::uint32_t must_move = 0;  ///< of them, what the backends' new shares ask for
    std::vector<BackendPlan> backends;

    [[nodiscard]] std::uint32_t moved_besides() const { return moved - must_move; }
    [[nodiscard]] double share_moved() const {
        return table_size == 0 ? 0 : static_cast<double>(moved) / table_size;
    }
};

/// What going from one configuration to another would do.
struct Plan {
    std::vector<ServicePlan> services;  ///< by name
    std::vector<IpAddress> vips_appear, vips_vanish;
    std::string everything_moves_because;  ///< empty unless the placement of all services' flows changes
};

[[nodiscard]] Plan make_plan(const Placement& before, const Placement& after);

/// The largest share of a service's slots that moves, 0..1.
[[nodiscard]] double largest_share_moved(const Plan& plan);

}  // namespace guideway::control
