// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "control/desired_state.hpp"
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

/// The former name of each service that has a new one, by its new name. Only names that vanish and names that
/// appear are matched, one to one: first those that share most listeners; then, of the rest, those that share
/// most backends, if these are more than half of both. The order of the services makes no difference.
[[nodiscard]] std::map<std::string, std::string> renamed_services(const std::vector<ServiceTraits>& before,
                                                                  const std::vector<ServiceTraits>& after);

}  // namespace guideway::control
