// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>

#include "datapath/maps.hpp"

namespace guideway::datapath {

/// Forgets where datagrams went whose first fragments were sent to these backends, by the numbers of service
/// and backend: who gets such a number next shall not get the rest of them.
[[nodiscard]] Result<void> delete_fragment_records(
    const Maps& maps, const std::function<bool(std::uint16_t service, std::uint16_t backend)>& is_of);

}  // namespace guideway::datapath
