// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>

#include "doctor/finding.hpp"

namespace guideway::doctor {

/// Verdicts that are not expected in production, and that packets had all the same: by `verdicts` of a
/// balancer's status, or of a backend's.
[[nodiscard]] Findings findings_in_verdicts(const nlohmann::ordered_json& verdicts);

}  // namespace guideway::doctor
