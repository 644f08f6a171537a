// SPDX-License-Identifier: Apache-2.0
#include "maglev/permutation.hpp"

#include <xxhash.h>

namespace guideway::maglev {

namespace {
constexpr XXH64_hash_t kOffsetSeed = 0;
constexpr XXH64_hash_t kSkipSeed = 1;
}  // namespace

std::uint64_t identity_hash(std::string_view identity) {
    return XXH3_64bits_withSeed(identity.data(), identity.size(), kOffsetSeed);
}

Permutation Permutation::of(std::string_view identity, std::uint32_t size) {
    const auto skip_hash = XXH3_64bits_withSeed(identity.data(), identity.size(), kSkipSeed);
    return {.offset = static_cast<std::uint32_t>(identity_hash(identity) % size),
            .skip = static_cast<std::uint32_t>(skip_hash % (size - 1)) + 1};
}

}  // namespace guideway::maglev
