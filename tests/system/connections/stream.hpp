// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace guideway::connections {

enum class Direction : std::uint64_t { kToServer = 1, kToClient = 2 };

/// The numbered bytes of one direction of a connection: each follows from the connection, the direction and
/// its offset alone, so that a changed, missing, repeated or foreign byte shows.
class Stream {
  public:
    Stream(std::uint64_t connection, Direction direction);

    /// Writes the bytes that begin at `offset`.
    void fill(std::uint64_t offset, std::span<std::uint8_t> bytes) const;
    /// The index of the first of `bytes`, which should begin at `offset`, that is not the stream's.
    [[nodiscard]] std::optional<std::size_t> first_wrong(std::uint64_t offset,
                                                         std::span<const std::uint8_t> bytes) const;

  private:
    [[nodiscard]] std::uint64_t word(std::uint64_t number) const;

    std::uint64_t seed_;
};

}  // namespace guideway::connections
