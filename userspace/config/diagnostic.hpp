// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace guideway::config {

/// In a file; both are 1-based, columns count bytes.
struct Position {
    std::uint32_t line = 1;
    std::uint32_t column = 1;

    auto operator<=>(const Position&) const = default;
};

/// One finding about a configuration.
struct Diagnostic {
    std::string file;
    std::uint32_t line = 1;
    std::uint32_t column = 1;
    std::string path;  ///< `services[0].backends[1].weight`; empty for the document as a whole
    std::string message;

    [[nodiscard]] std::string text() const;  ///< `FILE:LINE:COL: PATH: MESSAGE`
};

/// Text from the file as it may stand in a message: one line of bounded length, without control characters.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace guideway::config
