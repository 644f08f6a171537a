// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "datapath/maps.hpp"

namespace guideway::datapath {

/// An element of the map 'clients'.
struct ClientPrefix {
    IpAddress address;
    std::uint8_t length = 0;  ///< of 128 bits; IPv4 addresses are v4-mapped
    bool permitted = false;   ///< by both lists
    bool denied = false;      ///< by the one of those that are denied

    auto operator<=>(const ClientPrefix&) const = default;
};

/// Fills a filter that no service names yet. Errors: the kernel's, such as too many prefixes.
[[nodiscard]] Result<void> add_client_filter(const Maps& maps, std::uint16_t filter,
                                             const std::vector<ClientPrefix>& prefixes);

/// Writes anew what of this part of a filter is not there any more; how much that was.
[[nodiscard]] std::size_t mend_client_filter(const Maps& maps, std::uint16_t filter,
                                             std::span<const ClientPrefix> prefixes);

/// Removes the filters that no service names; no reader may still have the name of one.
[[nodiscard]] Result<void> remove_unused_client_filters(const Maps& maps);

/// Those that services name.
[[nodiscard]] std::vector<bool> used_client_filters(const Maps& maps);

}  // namespace guideway::datapath
