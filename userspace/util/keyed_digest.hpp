// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace guideway {

/// The first half of HMAC-SHA-256 (RFC 2104) of a text under a key: who knows it and the text does not know
/// the key.
[[nodiscard]] std::array<std::uint8_t, 16> keyed_digest(std::span<const std::uint8_t> key,
                                                        std::string_view text);

}  // namespace guideway
