// SPDX-License-Identifier: Apache-2.0
#include "util/mac_address.hpp"

#include <fmt/ranges.h>

#include <charconv>

namespace guideway {

std::optional<MacAddress> MacAddress::parse(std::string_view text) {
    constexpr std::size_t kTextSize = 17;
    if (text.size() != kTextSize)
        return std::nullopt;
    MacAddress mac;
    for (std::size_t i = 0; i < mac.bytes.size(); ++i) {
        const char* digits = text.data() + 3 * i;
        const auto [end, error] = std::from_chars(digits, digits + 2, mac.bytes[i], 16);
        if (error != std::errc{} || end != digits + 2 || (i > 0 && digits[-1] != ':'))
            return std::nullopt;
    }
    return mac;
}

std::string MacAddress::text() const {
    return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

}  // namespace guideway
