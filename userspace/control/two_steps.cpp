// SPDX-License-Identifier: Apache-2.0
#include "control/two_steps.hpp"

#include <set>
#include <string>

namespace guideway::control {

DesiredState without_removed(const DesiredState& now, const DesiredState& next) {
    std::set<std::string> names;
    for (const auto& service : next.services)
        names.insert(service.name);
    DesiredState remaining;
    for (const auto& service : now.services) {
        if (names.contains(service.name))
            remaining.services.push_back(service);
    }
    return remaining;
}

/// Backends that are removed from services which stay are not waited for: their flows may take an hour.
bool needs_two_steps(const Numbering& numbering, const DesiredState& now, const DesiredState& next,
                     const datapath::Geometry& geometry) {
    if (renumber(numbering, next, geometry))
        return false;
    auto between = renumber(numbering, without_removed(now, next), geometry);
    if (!between)
        return false;
    auto freed = retired_in(*between);
    freed.backends.clear();
    release(*between, freed);
    return renumber(*between, next, geometry).has_value();
}

}  // namespace guideway::control
