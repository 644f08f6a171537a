// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "config/model.hpp"

namespace guideway::datapath {

/// What may be told of a hash key, and stands in the map 'listeners': one cannot be found from the other.
using HashKeyId = std::array<std::uint64_t, 2>;

[[nodiscard]] HashKeyId hash_key_id(const config::HashKey& key);

}  // namespace guideway::datapath
