// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libmnl/libmnl.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "util/ip_address.hpp"
#include "util/mac_address.hpp"

namespace guideway::net {

/// The attributes of a message, by type. Valid as long as the message is. An attribute that is missing, or
/// has another size than the one asked for, is nothing.
class Attributes {
  public:
    /// `header_size` is that of the family's own header, behind which the attributes start.
    Attributes(const nlmsghdr& message, std::size_t header_size);
    /// The attributes inside one; none for null.
    explicit Attributes(const nlattr* nest);

    [[nodiscard]] const nlattr* operator[](unsigned type) const { return by_type_[type]; }
    [[nodiscard]] std::optional<IpAddress> address(unsigned type) const;
    [[nodiscard]] std::optional<MacAddress> mac(unsigned type) const;
    [[nodiscard]] std::optional<std::uint32_t> number(unsigned type) const;
    [[nodiscard]] std::optional<std::uint16_t> short_number(unsigned type) const;
    [[nodiscard]] std::optional<std::string> text(unsigned type) const;

  private:
    /// Above every attribute that this layer reads.
    static constexpr std::size_t kTypes = 40;

    static int keep(const nlattr* attribute, void* self);
    [[nodiscard]] const std::uint8_t* payload(unsigned type, std::size_t size) const;

    std::array<const nlattr*, kTypes> by_type_{};
};

}  // namespace guideway::net
