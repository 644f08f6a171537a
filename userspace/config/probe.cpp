// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <optional>

#include "config/scalar.hpp"

namespace guideway::config {

namespace {

constexpr std::size_t kLongestName = 253;
constexpr std::size_t kLongestAlpn = 255;
constexpr std::size_t kMostBytes = 1024;

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

/// A whole number of exactly these digits.
std::optional<unsigned> parse(std::string_view digits, int base) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc{} || end != digits.data() + digits.size())
        return std::nullopt;
    return value;
}

/// The byte that the text after a backslash stands for, which is taken off the text.
std::optional<char> take_escaped(std::string_view& text) {
    constexpr std::string_view kLetters = "rnt\\";
    constexpr std::string_view kBytes = "\r\n\t\\";
    if (text.empty())
        return std::nullopt;
    if (const auto letter = kLetters.find(text[0]); letter != std::string_view::npos) {
        text.remove_prefix(1);
        return kBytes[letter];
    }
    if (text[0] != 'x' || text.size() < 3)
        return std::nullopt;
    const auto value = parse(text.substr(1, 2), 16);
    text.remove_prefix(3);
    return value ? std::optional(static_cast<char>(*value)) : std::nullopt;
}

}  // namespace

Result<std::string> read_host_name(const Scalar& scalar) {
    if (scalar.text.empty() || scalar.text.size() > kLongestName || !is_printable(scalar.text) ||
        scalar.text.find('/') != std::string::npos)
        return fail("'{}' is not a host name", printable(scalar.text));
    return scalar.text;
}

Result<std::string> read_alpn(const Scalar& scalar) {
    if (scalar.text.empty() || scalar.text.size() > kLongestAlpn || !is_printable(scalar.text))
        return fail("'{}' is not a protocol name such as http/1.1", printable(scalar.text));
    return scalar.text;
}

Result<std::string> read_bytes(const Scalar& scalar) {
    std::string bytes;
    for (std::string_view text = scalar.text; !text.empty();) {
        const char c = text[0];
        text.remove_prefix(1);
        const auto byte = c == '\\' ? take_escaped(text) : std::optional(c);
        if (!byte)
            return fail(R"('{}' has a backslash without x and two hex digits, r, n, t or \ after it)",
                        printable(scalar.text));
        bytes += *byte;
    }
    if (bytes.empty() || bytes.size() > kMostBytes)
        return fail("{} bytes are not 1..{}", bytes.size(), kMostBytes);
    return bytes;
}

Result<StatusRange> read_status_range(const Scalar& scalar) {
    constexpr unsigned kLowest = 100;
    constexpr unsigned kHighest = 599;
    const std::string_view text = scalar.text;
    const auto dash = std::min(text.find('-'), text.size());
    const auto low = parse(text.substr(0, dash), 10);
    const auto high = dash == text.size() ? low : parse(text.substr(dash + 1), 10);
    if (!low || !high || *low < kLowest || *high > kHighest || *low > *high)
        return fail("'{}' is not a status code in {}..{}, or two such as 200-299", printable(text), kLowest,
                    kHighest);
    return StatusRange{static_cast<std::uint16_t>(*low), static_cast<std::uint16_t>(*high)};
}

}  // namespace guideway::config
