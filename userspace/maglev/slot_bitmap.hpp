// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <bit>
#include <cstdint>
#include <vector>

namespace guideway::maglev {

/// One bit for each slot. At M = 65537 it is 8 KiB: small enough to stay in the first-level cache while it is
/// probed at random.
class SlotBitmap {
  public:
    explicit SlotBitmap(std::uint32_t size) : words_((size + 63) / 64), size_(size) {}

    [[nodiscard]] bool test(std::uint32_t slot) const { return words_[slot / 64] >> (slot % 64) & 1; }
    void set(std::uint32_t slot) { words_[slot / 64] |= bit(slot); }
    void clear(std::uint32_t slot) { words_[slot / 64] &= ~bit(slot); }

    /// Calls `visit(slot)` for each slot whose bit is clear, in ascending order.
    template <typename Visit>
    void for_each_clear(Visit visit) const {
        for (std::uint32_t start = 0; start < size_; start += 64)
            for (auto rest = ~words_[start / 64] & valid(start); rest != 0; rest &= rest - 1)
                visit(start + static_cast<std::uint32_t>(std::countr_zero(rest)));
    }

  private:
    static std::uint64_t bit(std::uint32_t slot) { return std::uint64_t{1} << (slot % 64); }
    /// The bits of the word that begins at slot `start` which stand for slots.
    std::uint64_t valid(std::uint32_t start) const {
        return size_ - start >= 64 ? ~std::uint64_t{0} : bit(size_ - start) - 1;
    }

    std::vector<std::uint64_t> words_;
    std::uint32_t size_;
};

}  // namespace guideway::maglev
