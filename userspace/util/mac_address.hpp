// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace guideway {

/// An Ethernet address.
struct MacAddress {
    std::array<std::uint8_t, 6> bytes{};

    /// Reads `02:00:00:00:00:11`; nothing for any other text.
    [[nodiscard]] static std::optional<MacAddress> parse(std::string_view text);
    [[nodiscard]] std::string text() const;

    auto operator<=>(const MacAddress&) const = default;
};

}  // namespace guideway
