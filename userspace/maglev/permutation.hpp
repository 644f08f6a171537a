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

    /// The slot at `(offset + j * skip) mod M` has a key that grows with j.
    [[nodiscard]] std::uint64_t key(std::uint32_t slot) const {
        // j / M as a 64-bit fraction: j = (slot - offset) / skip mod M, and what exceeds a whole number of M
        // wraps around. Rounding scale_ costs less than M, two keys are 2^64 / M apart: 2^20 against 2^44.
        return (std::uint64_t{slot} - offset_) * scale_;
    }

  private:
    std::uint32_t offset_;
    std::uint64_t scale_;
};

}  // namespace guideway::maglev
