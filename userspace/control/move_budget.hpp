// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "control/desired_state.hpp"
#include "control/plan.hpp"

namespace guideway::control {

/// Plans of the services of which a change would move more than `at_most` (0..1) of the slots, and of those
/// that it removes, if it may not move all. A service that is renamed is the same. Pure.
[[nodiscard]] std::vector<ServicePlan> above_budget(const DesiredState& before, const DesiredState& after,
                                                    double at_most);

}  // namespace guideway::control
