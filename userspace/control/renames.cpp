// SPDX-License-Identifier: Apache-2.0
#include "control/renames.hpp"

namespace guideway::control {

Renames without_collisions(Renames renames, const std::set<std::string>& names) {
    std::set<std::string> leaving;
    for (const auto& [now, formerly] : renames)
        leaving.insert(formerly);
    const Renames given = renames;
    for (const auto& [now, formerly] : given) {
        if (!names.contains(now) || leaving.contains(now))
            continue;
        auto aside = now + " (replaced)";
        while (names.contains(aside) || renames.contains(aside))
            aside += '.';
        renames[aside] = now;
    }
    return renames;
}

Renames inverse(const Renames& renames) {
    Renames inverse;
    for (const auto& [now, formerly] : renames)
        inverse[formerly] = now;
    return inverse;
}

}  // namespace guideway::control
