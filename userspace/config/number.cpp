// SPDX-License-Identifier: Apache-2.0
#include <guideway/service.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "config/scalar.hpp"

namespace guideway::config {

namespace {

bool is_digits(std::string_view text) {
    return !text.empty() &&
           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool is_plain_decimal(std::string_view text) {
    return is_digits(text) && (text.size() == 1 || text[0] != '0');
}

template <typename T>
std::optional<T> parse_number(std::string_view digits, int base = 10) {
    T value{};
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (error != std::errc{} || end != digits.data() + digits.size())
        return std::nullopt;
    return value;
}

struct Unit {
    std::string_view name;
    Duration length;
};

// Longest first, so that a duration's text takes the largest unit that divides it.
constexpr Unit kUnits[] = {{"h", std::chrono::hours(1)},
                           {"m", std::chrono::minutes(1)},
                           {"s", std::chrono::seconds(1)},
                           {"ms", std::chrono::milliseconds(1)}};

bool is_prime(std::uint64_t number) {
    if (number < 2)
        return false;
    for (std::uint64_t divisor = 2; divisor * divisor <= number; ++divisor)
        if (number % divisor == 0)
            return false;
    return true;
}

std::uint64_t next_prime(std::uint64_t number, int step) {
    do {
        number += static_cast<std::uint64_t>(step);
    } while (!is_prime(number));
    return number;
}

std::optional<std::uint32_t> parse_hex_word(std::string_view text) {
    constexpr std::size_t kLongest = 10;
    if (!text.starts_with("0x") || text.size() > kLongest)
        return std::nullopt;
    return parse_number<std::uint32_t>(text.substr(2), 16);
}

}  // namespace

Result<std::uint64_t> read_integer(const Scalar& scalar, IntegerRange range) {
    if (scalar.quoted)
        return fail("expected integer {}..{}, found quoted text '{}'", range.low, range.high,
                    printable(scalar.text));
    if (!is_plain_decimal(scalar.text))
        return fail("'{}' is not a plain decimal integer {}..{}", printable(scalar.text), range.low,
                    range.high);
    const auto value = parse_number<std::uint64_t>(scalar.text);
    if (!value || *value < range.low || *value > range.high)
        return fail("{} is not in {}..{}", printable(scalar.text), range.low, range.high);
    return *value;
}

Result<bool> read_boolean(const Scalar& scalar) {
    if (scalar.quoted || (scalar.text != "true" && scalar.text != "false"))
        return fail("{} is not a boolean; write true or false",
                    scalar.quoted ? "quoted text" : fmt::format("'{}'", printable(scalar.text)));
    return scalar.text == "true";
}

Result<Duration> read_duration(const Scalar& scalar, DurationRange range) {
    const std::string_view text = scalar.text;
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    const auto* unit = std::find_if(std::begin(kUnits), std::end(kUnits),
                                    [&](const Unit& each) { return each.name == text.substr(digits); });
    if (!is_plain_decimal(text.substr(0, digits)) || unit == std::end(kUnits))
        return fail("'{}' is not a duration such as 500ms, 1s, 10m or 1h", printable(text));
    const auto count = parse_number<std::uint32_t>(text.substr(0, digits));
    if (!count || *count * unit->length < range.low || *count * unit->length > range.high)
        return fail("{} is not in {}..{}", printable(text), duration_text(range.low),
                    duration_text(range.high));
    return *count * unit->length;
}

std::string duration_text(Duration duration) {
    for (const Unit& unit : kUnits)
        if (duration.count() != 0 && duration % unit.length == Duration::zero())
            return fmt::format("{}{}", duration / unit.length, unit.name);
    return "0s";
}

Result<unsigned> read_percent(const Scalar& scalar) {
    std::string_view digits = scalar.text;
    if (!digits.ends_with('%') || !is_plain_decimal(digits.substr(0, digits.size() - 1)))
        return fail("'{}' is not a percentage such as 50%", printable(scalar.text));
    digits.remove_suffix(1);
    const auto value = parse_number<unsigned>(digits);
    if (!value || *value > 100)
        return fail("{} is not in 0%..100%", printable(scalar.text));
    return *value;
}

Result<std::uint32_t> read_table_size(const Scalar& scalar) {
    constexpr IntegerRange kRange{TABLE_SIZE_MIN, TABLE_SIZE_MAX};
    const auto size = read_integer(scalar, kRange);
    if (!size)
        return std::unexpected(size.error());
    if (!is_prime(*size))
        return fail("{} is not a prime; the nearest are {} and {}", *size, next_prime(*size, -1),
                    next_prime(*size, 1));
    return static_cast<std::uint32_t>(*size);
}

Result<Community> read_community(const Scalar& scalar) {
    constexpr std::uint64_t kStandard = 65535, kLarge = 4294967295;
    std::vector<std::uint64_t> parts;
    std::string_view rest = scalar.text;
    for (bool more = true; more;) {
        const std::size_t colon = rest.find(':');
        const std::string_view digits = rest.substr(0, colon);
        const auto part = parse_number<std::uint64_t>(digits);
        parts.push_back(is_plain_decimal(digits) && part ? *part : UINT64_MAX);
        more = colon != std::string_view::npos;
        rest.remove_prefix(more ? colon + 1 : 0);
    }
    const bool large = parts.size() == 3;
    const auto fits = [&](std::uint64_t part) { return part <= (large ? kLarge : kStandard); };
    if ((!large && parts.size() != 2) || !std::ranges::all_of(parts, fits))
        return fail(
            "'{}' is not a community such as 64512:100 (each part 0..65535) or 64512:1:2 (0..4294967295)",
            printable(scalar.text));
    Community community{static_cast<std::uint32_t>(parts[0]), static_cast<std::uint32_t>(parts[1]), {}};
    if (large)
        community.second = static_cast<std::uint32_t>(parts[2]);
    return community;
}

Result<ProbeMark> read_probe_mark(const Scalar& scalar) {
    const std::string_view text = scalar.text;
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto value = parse_hex_word(text.substr(0, slash));
    const auto mask = parse_hex_word(text.substr(std::min(slash + 1, text.size())));
    if (!value || !mask)
        return fail("'{}' is not VALUE/MASK in hexadecimal, such as 0x67000000/0xff000000", printable(text));
    if (*value == 0 || (*value & ~*mask) != 0)
        return fail("the value of {} must be non-zero and lie within its mask", printable(text));
    return ProbeMark{*value, *mask};
}

}  // namespace guideway::config
