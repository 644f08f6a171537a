// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>

#include "util/ip_address.hpp"

namespace guideway::maglev {

/// The client's direction of a flow; ports in host order, both addresses of one family.
struct Flow {
    IpAddress source;
    IpAddress destination;
    std::uint16_t source_port = 0;
    std::uint16_t destination_port = 0;
    std::uint8_t protocol = 0;  ///< IPPROTO_*
};

/// Hash format 1: SipHash-1-3 under the fleet's 16-byte key; with `by_client` of the source address alone.
[[nodiscard]] std::uint64_t flow_hash(const Flow& flow, const std::array<std::uint8_t, 16>& key,
                                      bool by_client);

/// The slot of a hash in a table of `table_size` slots.
[[nodiscard]] std::uint32_t flow_slot(std::uint64_t hash, std::uint32_t table_size);

}  // namespace guideway::maglev
