// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "config/model.hpp"
#include "control/desired_state.hpp"
#include "control/numbering.hpp"
#include "control/renames.hpp"
#include "util/ip_address.hpp"

namespace guideway::control {

/// What a service is known by when its name changes.
struct ServiceTraits {
    std::string name;
    std::vector<std::string> listeners;  ///< as config::Listener::text() has them
    std::vector<IpAddress> backends;
};

[[nodiscard]] std::vector<ServiceTraits> traits_of(const config::Config& config);
[[nodiscard]] std::vector<ServiceTraits> traits_of(const DesiredState& desired);

/// The former name of each service that has a new one, by its new name. Names that vanish and names that
/// appear are matched, one to one, and so are those whose listeners are all others than before (names may be
/// exchanged): first those that share most listeners; then, of names that vanish and appear, those that share
/// most backends, if these are more than half of both. The order of the services makes no difference.
[[nodiscard]] Renames renamed_services(const std::vector<ServiceTraits>& before,
                                       const std::vector<ServiceTraits>& after);

/// By its name, for each service that is new, and no other one renamed: the former service of which it takes
/// over most listeners. Its backends are who they were there, and what was said of them holds.
[[nodiscard]] Renames heirs(const std::vector<ServiceTraits>& before, const std::vector<ServiceTraits>& after,
                            const Renames& renamed);

/// Renamed between what an earlier agent left in the maps, numbered so, and a configuration.
[[nodiscard]] Renames renamed_since(const datapath::Maps& maps, const Numbering& numbering,
                                    const config::Config& config);

}  // namespace guideway::control
