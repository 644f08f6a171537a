// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "util/result.hpp"

namespace guideway::datapath {

/// A BPF array map's elements in this process's memory: a store is seen by the next packet, without a system
/// call. Elements start at multiples of 8 bytes.
class MappedArray {
  public:
    [[nodiscard]] static Result<MappedArray> map(int map_fd, const char* name, std::uint32_t value_size,
                                                 std::uint32_t count, bool writable) {
        const std::size_t stride = (value_size + 7) / 8 * 8;
        const std::size_t page = 4096;
        const std::size_t length = (stride * count + page - 1) / page * page;
        void* memory =
            ::mmap(nullptr, length, PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED, map_fd, 0);
        if (memory == MAP_FAILED)
            return fail("mmap map '{}': {}", name, errno_text());
        return MappedArray(memory, length, stride, count);
    }

    MappedArray() = default;
    MappedArray(MappedArray&& other) noexcept { *this = std::move(other); }
    MappedArray& operator=(MappedArray&& other) noexcept {
        std::swap(memory_, other.memory_);
        std::swap(length_, other.length_);
        std::swap(stride_, other.stride_);
        std::swap(count_, other.count_);
        return *this;
    }
    ~MappedArray() {
        if (memory_ != nullptr)
            ::munmap(memory_, length_);
    }

    [[nodiscard]] std::uint32_t count() const { return count_; }

    /// Element `index` (below count()) as the structure, or the first of the values, that it holds.
    template <typename T>
    [[nodiscard]] T* element(std::uint32_t index) const {
        return reinterpret_cast<T*>(static_cast<std::byte*>(memory_) + index * stride_);
    }

  private:
    MappedArray(void* memory, std::size_t length, std::size_t stride, std::uint32_t count)
        : memory_(memory), length_(length), stride_(stride), count_(count) {}

    void* memory_ = nullptr;
    std::size_t length_ = 0;
    std::size_t stride_ = 0;
    std::uint32_t count_ = 0;
};

}  // namespace guideway::datapath
