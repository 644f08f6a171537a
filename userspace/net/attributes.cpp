// SPDX-License-Identifier: Apache-2.0
#include "net/attributes.hpp"

#include <algorithm>
#include <cstring>

namespace guideway::net {

Attributes::Attributes(const nlmsghdr& message, std::size_t header_size) {
    mnl_attr_parse(&message, static_cast<unsigned>(header_size), keep, this);
}

Attributes::Attributes(const nlattr* nest) {
    if (nest)
        mnl_attr_parse_nested(nest, keep, this);
}

int Attributes::keep(const nlattr* attribute, void* self) {
    if (const auto type = mnl_attr_get_type(attribute); type < kTypes)
        static_cast<Attributes*>(self)->by_type_[type] = attribute;
    return MNL_CB_OK;
}

std::optional<IpAddress> Attributes::address(unsigned type) const {
    if (const auto* bytes = payload(type, 4))
        return IpAddress::from_network(bytes, true);
    if (const auto* bytes = payload(type, 16))
        return IpAddress::from_network(bytes, false);
    return std::nullopt;
}

std::optional<MacAddress> Attributes::mac(unsigned type) const {
    MacAddress mac;
    const auto* bytes = payload(type, mac.bytes.size());
    if (!bytes)
        return std::nullopt;
    std::copy_n(bytes, mac.bytes.size(), mac.bytes.begin());
    return mac;
}

std::optional<std::uint32_t> Attributes::number(unsigned type) const {
    if (!payload(type, sizeof(std::uint32_t)))
        return std::nullopt;
    return mnl_attr_get_u32(by_type_[type]);
}

std::optional<std::uint16_t> Attributes::short_number(unsigned type) const {
    if (!payload(type, sizeof(std::uint16_t)))
        return std::nullopt;
    return mnl_attr_get_u16(by_type_[type]);
}

std::optional<std::string> Attributes::text(unsigned type) const {
    const nlattr* attribute = by_type_[type];
    if (!attribute)
        return std::nullopt;
    const char* start = mnl_attr_get_str(attribute);
    return std::string(start, strnlen(start, mnl_attr_get_payload_len(attribute)));
}

const std::uint8_t* Attributes::payload(unsigned type, std::size_t size) const {
    const nlattr* attribute = by_type_[type];
    if (!attribute || mnl_attr_get_payload_len(attribute) != size)
        return nullptr;
    return static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
}

}  // namespace guideway::net
