// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace guideway::doctor {

/// Something that is not as it should be.
struct Finding {
    std::string check;   ///< which one found it: `interface_mode`
    std::string object;  ///< what it is about, `eth0`; empty: the host
    std::string what;    ///< that is wrong, as a clause: "the program runs in generic mode"
    std::string why;     ///< that matters, as a clause
    std::string mend;    ///< a command, or what to change

    bool operator==(const Finding&) const = default;
};
using Findings = std::vector<Finding>;

}  // namespace guideway::doctor
