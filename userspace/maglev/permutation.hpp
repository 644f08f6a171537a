// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace guideway::maglev {

/// The hash of a backend's identity (its canonical address text): XXH3_64, seed 0.
[[nodiscard]] std::uint64_t identity_hash(std::string_view identity);

/// The order in which a backend wants the slots of a table of M (prime) slots: `(offset + j * skip) mod M`
/// for j = 0, 1, ... visits each slot once (Maglev, section 3.4).
struct Permutation {
    std::uint32_t offset = 0;  ///< 0..M-1
    std::uint32_t skip = 0;    ///< 1..M-1

    [[nodiscard]] static Permutation of(std::string_view identity, std::uint32_t size);
};

/// Compares slots by their place in a permutation, without walking it.
class PermutationOrder {
  public:
    PermutationOrder(const Permutation& permutation, std::uint32_t size);

    /// The slot at `(offset + j * skip) mod M` has a key that grows with j: the fraction j / M, where
    /// j = (slot - offset) / skip mod M.
    [[nodiscard]] std::uint64_t key(std::uint32_t slot) const {
        return (std::uint64_t{slot} - offset_) * inverse_skip_;
    }

  private:
    std::uint32_t offset_;
    std::uint64_t inverse_skip_;  ///< as a fraction
};

}  // namespace guideway::maglev
