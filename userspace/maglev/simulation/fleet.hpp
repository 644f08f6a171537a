// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "maglev/base_table.hpp"

namespace guideway::maglev::simulation {

/// Backends of equal weight, some of them down, and what the hashes of the keys start from.
struct Fleet {
    std::vector<Member> members;           ///< sorted by identity, addresses drawn from 10.0.0.0/8
    std::vector<std::uint64_t> hashes;     ///< of the identities
    std::vector<std::uint16_t> survivors;  ///< indices of the members that are up, ascending
    std::uint64_t key_seed = 0;

    [[nodiscard]] static Fleet random(std::uint32_t size, std::uint64_t seed);
    /// The same fleet with so many members down, chosen at random. Less than all of them.
    [[nodiscard]] Fleet with_failures(std::uint32_t failures) const;
    /// The hash of the key with this number: what a flow's hash is to a balancer.
    [[nodiscard]] std::uint64_t key(std::uint32_t number) const;
};

}  // namespace guideway::maglev::simulation
