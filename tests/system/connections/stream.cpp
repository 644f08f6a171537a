// SPDX-License-Identifier: Apache-2.0
#include "stream.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace guideway::connections {

namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15;

/// The finalizer of splitmix64.
std::uint64_t mix64(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EB;
    return x ^ (x >> 31);
}

}  // namespace

Stream::Stream(std::uint64_t connection, Direction direction)
    : seed_(mix64(connection + static_cast<std::uint64_t>(direction) * kGolden)) {}

std::uint64_t Stream::word(std::uint64_t number) const {
    return mix64(seed_ + number * kGolden);
}

void Stream::fill(std::uint64_t offset, std::span<std::uint8_t> bytes) const {
    for (std::size_t done = 0; done < bytes.size();) {
        const std::uint64_t value = word((offset + done) / sizeof(value));
        const std::size_t skipped = (offset + done) % sizeof(value);
        const std::size_t taken = std::min(sizeof(value) - skipped, bytes.size() - done);
        std::memcpy(bytes.data() + done, reinterpret_cast<const std::uint8_t*>(&value) + skipped, taken);
        done += taken;
    }
}

std::optional<std::size_t> Stream::first_wrong(std::uint64_t offset,
                                               std::span<const std::uint8_t> bytes) const {
    std::array<std::uint8_t, 4096> expected;
    for (std::size_t done = 0; done < bytes.size();) {
        const std::size_t size = std::min(expected.size(), bytes.size() - done);
        fill(offset + done, std::span(expected).first(size));
        const auto* begin = expected.data();
        const auto* wrong = std::mismatch(begin, begin + size, bytes.data() + done).first;
        if (wrong != begin + size)
            return done + static_cast<std::size_t>(wrong - begin);
        done += size;
    }
    return std::nullopt;
}

}  // namespace guideway::connections
