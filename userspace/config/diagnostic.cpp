// SPDX-License-Identifier: Apache-2.0
#include "config/diagnostic.hpp"

#include <fmt/format.h>

namespace guideway::config {

namespace {
constexpr std::size_t kMaxPrinted = 60;

bool continues_character(char byte) {
    return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}
}  // namespace

std::string Diagnostic::text() const {
    return fmt::format("{}:{}:{}: {}{}{}", file, line, column, path, path.empty() ? "" : ": ", message);
}

std::string printable(std::string_view text) {
    std::string result;
    std::size_t used = 0;
    for (; used < text.size() && (used < kMaxPrinted || continues_character(text[used])); ++used) {
        const auto byte = static_cast<unsigned char>(text[used]);
        if (byte < 0x20 || byte == 0x7f)
            result += fmt::format("\\x{:02x}", byte);
        else
            result += text[used];
    }
    return used < text.size() ? result + "..." : result;
}

}  // namespace guideway::config
