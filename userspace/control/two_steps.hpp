// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "control/desired_state.hpp"
#include "control/numbering.hpp"

namespace guideway::control {

/// Services that are replaced have numbers beside their successors for a moment, for which there may be no
/// room. Then those that go, go first: the state in between has no others than before, and frees their
/// numbers.

/// What there is now, without the services that the next state does not have.
[[nodiscard]] DesiredState without_removed(const DesiredState& now, const DesiredState& next);

/// Whether the next state gets its numbers only once those of the services that it removes are free.
[[nodiscard]] bool needs_two_steps(const Numbering& numbering, const DesiredState& now,
                                   const DesiredState& next, const datapath::Geometry& geometry);

}  // namespace guideway::control
