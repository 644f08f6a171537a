// SPDX-License-Identifier: Apache-2.0
#include "util/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

namespace guideway {

namespace {
constexpr IpAddress::Bytes kMappedPrefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr std::size_t kV4Offset = 12;

bool is_mapped(const IpAddress::Bytes& bytes) {
    return std::equal(bytes.begin(), bytes.begin() + kV4Offset, kMappedPrefix.begin());
}
}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
    const std::string terminated(text);
    if (terminated.find('\0') != std::string::npos)
        return std::nullopt;
    Bytes bytes = kMappedPrefix;
    if (inet_pton(AF_INET, terminated.c_str(), bytes.data() + kV4Offset) == 1)
        return IpAddress(bytes);
    if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1 && !is_mapped(bytes))
        return IpAddress(bytes);
    return std::nullopt;
}

IpAddress IpAddress::from_network(const void* bytes, bool v4) {
    Bytes result = kMappedPrefix;
    std::memcpy(result.data() + (v4 ? kV4Offset : 0), bytes, v4 ? 4 : 16);
    return IpAddress(result);
}

std::string IpAddress::text() const {
    char buffer[INET6_ADDRSTRLEN] = {};
    inet_ntop(is_v4() ? AF_INET : AF_INET6, wire(), buffer, sizeof(buffer));
    return buffer;
}

bool IpAddress::is_v4() const {
    return is_mapped(bytes_);
}

bool IpAddress::is_unspecified() const {
    return std::all_of(wire(), wire() + wire_size(), [](std::uint8_t byte) { return byte == 0; });
}

bool IpAddress::is_loopback() const {
    if (is_v4())
        return wire()[0] == 127;
    return bytes_[15] == 1 &&
           std::all_of(bytes_.begin(), bytes_.end() - 1, [](auto byte) { return byte == 0; });
}

bool IpAddress::is_multicast() const {
    return is_v4() ? (wire()[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::is_link_local() const {
    return is_v4() ? wire()[0] == 169 && wire()[1] == 254 : bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}

}  // namespace guideway
