// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "control/desired_state.hpp"
#include "control/numbering.hpp"
#include "util/abi.hpp"

namespace guideway::control {

/// A service's element of the map 'services'. `filter`: its number in the map 'clients'; 0: all are served.
[[nodiscard]] abi::service service_entry(const DesiredService& service, const ServiceNumbers& numbers,
                                         std::uint16_t filter);

}  // namespace guideway::control
