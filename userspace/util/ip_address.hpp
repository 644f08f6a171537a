// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace guideway {

/// An IPv4 or IPv6 address in 16 bytes, network order; IPv4 is v4-mapped (::ffff:a.b.c.d).
class IpAddress {
  public:
    using Bytes = std::array<std::uint8_t, 16>;

    IpAddress() = default;
    explicit IpAddress(const Bytes& bytes) : bytes_(bytes) {}

    /// Reads `10.0.1.11` or `2001:db8::1`; nothing for any other text, zones and v4-mapped text included.
    [[nodiscard]] static std::optional<IpAddress> parse(std::string_view text);
    /// From 4 or 16 bytes in network order.
    [[nodiscard]] static IpAddress from_network(const void* bytes, bool v4);

    /// The canonical text, which is also a backend's identity (table format 1).
    [[nodiscard]] std::string text() const;
    [[nodiscard]] bool is_v4() const;
    [[nodiscard]] bool is_unspecified() const;
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_multicast() const;
    [[nodiscard]] bool is_link_local() const;
    [[nodiscard]] const Bytes& bytes() const { return bytes_; }
    /// The address as it is on the wire: 4 bytes for IPv4, 16 for IPv6.
    [[nodiscard]] const std::uint8_t* wire() const { return bytes_.data() + (is_v4() ? 12 : 0); }
    [[nodiscard]] std::size_t wire_size() const { return is_v4() ? 4 : 16; }

    auto operator<=>(const IpAddress&) const = default;

  private:
    Bytes bytes_{};
};

}  // namespace guideway

template <>
struct std::hash<guideway::IpAddress> {
    std::size_t operator()(const guideway::IpAddress& address) const noexcept {
        return std::hash<std::string_view>{}(
            {reinterpret_cast<const char*>(address.bytes().data()), address.bytes().size()});
    }
};
