// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "agent/health_file.hpp"
#include "agent/health_watch.hpp"
#include "agent/overrides_file.hpp"
#include "config/model.hpp"
#include "control/conditions.hpp"
#include "control/reconciler.hpp"
#include "datapath/maps.hpp"

namespace guideway::agent {

/// What an earlier agent was told by hand, and how far it had come with slow starts; of services that were
/// renamed meanwhile, too. Returns those.
[[nodiscard]] control::Renames recall_conditions(const config::Config& config, const datapath::Maps& maps,
                                                 const OverridesFile& file, control::Reconciler& reconciler,
                                                 control::Conditions& conditions);

/// Until they are judged anew, backends are as an earlier agent left them in the kernel; but those that it
/// knew to be down are, though panic had them serve. Of one that had no share, and was not down (drained,
/// removed, new), nothing is known: its flows stay, and it serves once it is judged to be up.
[[nodiscard]] Result<void> recall_health(const config::Config& config, const datapath::Maps& maps,
                                         const HealthFile& file, const control::Reconciler& reconciler,
                                         const control::Renames& renames, control::Conditions& conditions,
                                         HealthWatch& health);

}  // namespace guideway::agent
