// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

namespace guideway::maglev {

/// Arithmetic modulo M without divisions: slot s of M stands at the fraction s / M of the table, in 64 bits,
/// so that whole tables overflow and vanish. Exact for sums and products of up to M^2 slots; docs/proofs.md
/// shows why.
class Fractions {
  public:
    /// `size` (M) is a prime below 2^21.
    explicit Fractions(std::uint32_t size) : size_(size), unit_(~std::uint64_t{0} / size + 1) {}

    [[nodiscard]] std::uint64_t of(std::uint64_t slots) const { return slots * unit_; }
    [[nodiscard]] std::uint32_t slot_at(std::uint64_t fraction) const {
        return static_cast<std::uint32_t>((static_cast<unsigned __int128>(fraction) * size_) >> 64);
    }

  private:
    std::uint64_t size_;
    std::uint64_t unit_;
};

}  // namespace guideway::maglev
