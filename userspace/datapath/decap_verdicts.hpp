// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>
#include <vector>

#include "util/abi.hpp"

namespace guideway::datapath {

/// A verdict of the backend's program, for people. Names are stable: they label metrics.
struct DecapVerdict {
    abi::decap_verdict verdict;
    std::string_view name;
    std::string_view packet;      ///< what happened to it
    std::string_view production;  ///< whether it is expected there
};

[[nodiscard]] const std::vector<DecapVerdict>& decap_verdicts();

}  // namespace guideway::datapath
