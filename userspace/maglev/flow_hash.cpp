// SPDX-License-Identifier: Apache-2.0
#include "maglev/flow_hash.hpp"

#include <arpa/inet.h>

#include <bit>
#include <cstring>

#include "util/abi.hpp"

namespace guideway::maglev {

static_assert(std::endian::native == std::endian::little, "hash format 1 reads words as little-endian");

std::uint64_t flow_hash(const Flow& flow, const std::array<std::uint8_t, 16>& key, bool by_client) {
    abi::flow_key halves{};
    std::memcpy(&halves.k0, key.data(), sizeof(halves.k0));
    std::memcpy(&halves.k1, key.data() + sizeof(halves.k0), sizeof(halves.k1));
    const abi::flow wire{
        .source = abi::to_abi(flow.source),
        .destination = abi::to_abi(flow.destination),
        .source_port = htons(flow.source_port),
        .destination_port = htons(flow.destination_port),
        .protocol = flow.protocol,
        .is_ipv4 = flow.source.is_v4(),
        .padding = 0,
    };
    return abi::flow_hash(&wire, &halves, by_client);
}

std::uint32_t flow_slot(std::uint64_t hash, std::uint32_t table_size) {
    return abi::flow_slot(hash, table_size);
}

}  // namespace guideway::maglev
