// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "doctor/finding.hpp"

namespace guideway::doctor {

/// A kernel older than what the programs were tried on: `6.1.0-18-amd64`.
[[nodiscard]] Findings findings_in_kernel(const std::string& release);

/// Of the kernel that runs.
[[nodiscard]] Findings findings_in_running_kernel();

/// Whether pins can live in that directory.
[[nodiscard]] Findings findings_in_pins(const std::string& directory);

/// Interfaces that are away, down, without a link, in generic mode, or whose packets few of the cores handle.
[[nodiscard]] Findings findings_in_interfaces(const std::vector<std::string>& names);

/// Whether a process is about to have no descriptors left.
[[nodiscard]] Findings findings_in_descriptors(int process);

}  // namespace guideway::doctor
