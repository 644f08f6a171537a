// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "config/model.hpp"
#include "datapath/client_prefixes.hpp"

namespace guideway::control {

/// Which clients a service serves. A client is denied if a prefix of `deny` holds it, or if `allow` has
/// prefixes of its family and none holds it.
struct ClientFilter {
    std::vector<config::Prefix> allow;
    std::vector<config::Prefix> deny;

    bool operator==(const ClientFilter&) const = default;
    /// Everybody is served.
    [[nodiscard]] bool is_open() const;
};

/// The same as one list, of which the longest prefix that holds a client tells, and a client that none holds
/// is served. In ascending order, each prefix once.
[[nodiscard]] std::vector<datapath::ClientPrefix> prefixes_of(const ClientFilter& filter);

}  // namespace guideway::control
