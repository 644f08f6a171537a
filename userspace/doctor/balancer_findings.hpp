// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "doctor/finding.hpp"

namespace guideway::doctor {

/// What a balancer's own status says is wrong: agent, attachments, services, backends, routers, room. Pure.
[[nodiscard]] Findings findings_in_status(const nlohmann::ordered_json& status);

}  // namespace guideway::doctor
