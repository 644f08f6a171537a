// SPDX-License-Identifier: Apache-2.0
#include "maglev/permutation.hpp"

#include <xxhash.h>

#include <utility>

#include "maglev/fraction.hpp"

namespace guideway::maglev {

namespace {

constexpr XXH64_hash_t kOffsetSeed = 0;
constexpr XXH64_hash_t kSkipSeed = 1;

/// `inverse * value mod modulus == 1`, by Euclid's extended algorithm; the modulus is prime.
std::uint32_t inverse(std::uint32_t value, std::uint32_t modulus) {
    std::int32_t before = 0;
    std::int32_t coefficient = 1;
    std::uint32_t dividend = modulus;
    while (value != 0) {
        const auto quotient = dividend / value;
        before = std::exchange(coefficient, before - static_cast<std::int32_t>(quotient) * coefficient);
        dividend = std::exchange(value, dividend - quotient * value);
    }
    return static_cast<std::uint32_t>(before < 0 ? before + static_cast<std::int32_t>(modulus) : before);
}

}  // namespace

std::uint64_t identity_hash(std::string_view identity) {
    return XXH3_64bits_withSeed(identity.data(), identity.size(), kOffsetSeed);
}

Permutation Permutation::of(std::string_view identity, std::uint32_t size) {
    const auto skip_hash = XXH3_64bits_withSeed(identity.data(), identity.size(), kSkipSeed);
    return {.offset = static_cast<std::uint32_t>(identity_hash(identity) % size),
            .skip = static_cast<std::uint32_t>(skip_hash % (size - 1)) + 1};
}

PermutationOrder::PermutationOrder(const Permutation& permutation, std::uint32_t size)
    : offset_(permutation.offset), inverse_skip_(Fractions(size).of(inverse(permutation.skip, size))) {}

}  // namespace guideway::maglev
