// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "doctor/finding.hpp"

namespace guideway::doctor {

/// What a backend host's own status says is wrong: helper, attachments, VIPs, the host's settings. Pure.
[[nodiscard]] Findings findings_in_backend_status(const nlohmann::ordered_json& status);

}  // namespace guideway::doctor
