// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "config/scalar.hpp"
#include "config/suggestion.hpp"

namespace guideway::config {

namespace {

constexpr std::string_view kListenerForm =
    "ADDRESS:PORT/PROTOCOL, such as 192.0.2.10:80/tcp or [2001:db8::10]:443/udp";

/// Digits 1..65535 without leading zero.
std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0 || text[0] == '0')
        return std::nullopt;
    return port;
}

/// Any address; the error says why a text is none.
Result<IpAddress> read_address(std::string_view text) {
    if (text.find('%') != std::string_view::npos)
        return fail("'{}' has a zone; addresses with zones are not supported", printable(text));
    if (const auto address = IpAddress::parse(text))
        return *address;
    // IpAddress reads every IPv6 text but v4-mapped ones.
    IpAddress::Bytes bytes;
    if (inet_pton(AF_INET6, std::string(text).c_str(), bytes.data()) == 1)
        return fail("{} is a v4-mapped address; write {}", printable(text), IpAddress(bytes).text());
    return fail("'{}' is not an IP address", printable(text));
}

bool is_broadcast(const IpAddress& address) {
    return address.is_v4() &&
           std::all_of(address.wire(), address.wire() + 4, [](auto byte) { return byte == 255; });
}

/// `ADDRESS:PORT`, IPv6 in brackets.
struct HostPort {
    std::string_view host;
    std::string_view port;
};

std::optional<HostPort> split_host_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos)
        return std::nullopt;
    HostPort parts{text.substr(0, colon), text.substr(colon + 1)};
    const bool bracketed = parts.host.starts_with('[') && parts.host.ends_with(']');
    if (bracketed)
        parts.host = parts.host.substr(1, parts.host.size() - 2);
    const bool is_v6 = parts.host.find(':') != std::string_view::npos;
    if (parts.host.empty() || bracketed != is_v6)
        return std::nullopt;
    return parts;
}

IpAddress mask_address(const IpAddress& address, unsigned length) {
    IpAddress::Bytes bytes = address.bytes();
    for (unsigned bit = length + (address.is_v4() ? 96 : 0); bit < 128; ++bit)
        bytes[bit / 8] &= static_cast<std::uint8_t>(~(0x80 >> bit % 8));
    return IpAddress(bytes);
}

Result<Protocol> read_protocol(std::string_view text) {
    if (text == "tcp")
        return Protocol::kTcp;
    if (text == "udp")
        return Protocol::kUdp;
    return fail("'{}' is not one of tcp, udp{}", printable(text), did_you_mean(text, {"tcp", "udp"}));
}

}  // namespace

Result<IpAddress> read_host_address(std::string_view text) {
    const auto address = read_address(text);
    if (!address)
        return address;
    const char* kind = address->is_unspecified() ? "the unspecified address"
                       : address->is_loopback()  ? "a loopback address"
                       : address->is_multicast() ? "a multicast address"
                       : is_broadcast(*address)  ? "the broadcast address"
                                                 : nullptr;
    if (kind != nullptr)
        return fail("{} is {}", printable(text), kind);
    return address;
}

Result<IpAddress> read_backend_address(const Scalar& scalar) {
    const auto address = read_host_address(scalar.text);
    if (address && !address->is_v4() && address->is_link_local())
        return fail("{} is a link-local address", scalar.text);
    return address;
}

Result<IpAddress> read_v4_address(const Scalar& scalar) {
    const auto address = read_host_address(scalar.text);
    if (address && !address->is_v4())
        return fail("{} is not an IPv4 address", scalar.text);
    return address;
}

Result<IpAddress> read_v6_address(const Scalar& scalar) {
    const auto address = read_backend_address(scalar);
    if (address && address->is_v4())
        return fail("{} is not an IPv6 address", scalar.text);
    return address;
}

Result<IpAddress> read_router_id(const Scalar& scalar) {
    return scalar.text == "auto" ? IpAddress{} : read_v4_address(scalar);
}

Result<RouteNextHop> read_next_hop(const Scalar& scalar) {
    if (scalar.text == "self")
        return RouteNextHop{};
    const auto address = read_v4_address(scalar);
    return address ? Result<RouteNextHop>(RouteNextHop{*address}) : std::unexpected(address.error());
}

Result<RouteNextHop> read_next_hop6(const Scalar& scalar) {
    if (scalar.text == "self")
        return RouteNextHop{};
    const auto address = read_v6_address(scalar);
    return address ? Result<RouteNextHop>(RouteNextHop{*address}) : std::unexpected(address.error());
}

Result<Family> read_family(const Scalar& scalar) {
    if (scalar.text == "ipv4")
        return Family::kIpv4;
    if (scalar.text == "ipv6")
        return Family::kIpv6;
    return fail("'{}' is not one of ipv4, ipv6{}", printable(scalar.text),
                did_you_mean(scalar.text, {"ipv4", "ipv6"}));
}

Result<Prefix> read_prefix(const Scalar& scalar) {
    const std::string_view text = scalar.text;
    const std::size_t slash = std::min(text.find('/'), text.size());
    const auto address = read_address(text.substr(0, slash));
    if (!address)
        return std::unexpected(address.error());
    const unsigned longest = address->is_v4() ? 32 : 128;
    const std::string_view digits = text.substr(std::min(slash + 1, text.size()));
    std::uint8_t length = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc{} || end != digits.data() + digits.size() || length > longest ||
        (digits.size() > 1 && digits[0] == '0'))
        return fail("'{}' is not ADDRESS/LENGTH with a length of 0..{}", printable(text), longest);
    const IpAddress masked = mask_address(*address, length);
    if (masked != *address)
        return fail("{} has bits set beyond its length; did you mean {}/{}?", text, masked.text(), length);
    return Prefix{masked, length};
}

namespace {
/// Addresses that are no host's on the network.
struct SpecialRange {
    const char* address;
    std::uint8_t length;
    const char* what;
};
constexpr SpecialRange kSpecialRanges[] = {
    {"0.0.0.0", 8, "unspecified addresses"},
    {"127.0.0.0", 8, "loopback addresses"},
    {"224.0.0.0", 3, "multicast and reserved addresses"},
    {"::", 127, "the unspecified and the loopback address"},
    {"fe80::", 10, "link-local addresses"},
    {"ff00::", 8, "multicast addresses"},
};

bool is_prefix(const Scalar& scalar) {
    return scalar.text.find('/') != std::string::npos;
}
}  // namespace

Result<Prefix> read_vip(const Scalar& scalar) {
    if (!is_prefix(scalar)) {
        const auto address = read_backend_address(scalar);
        return address ? Result<Prefix>(Prefix::of(*address)) : std::unexpected(address.error());
    }
    const auto prefix = read_prefix(scalar);
    if (!prefix)
        return prefix;
    for (const auto& special : kSpecialRanges) {
        const Prefix range{*IpAddress::parse(special.address), special.length};
        if (range.holds(*prefix) || prefix->holds(range))
            return fail("{} holds {}", prefix->text(), special.what);
    }
    return prefix;
}

Result<Prefix> read_balancer(const Scalar& scalar) {
    if (is_prefix(scalar)) {
        const auto prefix = read_prefix(scalar);
        const Prefix all_of_v4{IpAddress(), 80};  // v4-mapped
        if (prefix && !prefix->address.is_v4() && prefix->holds(all_of_v4))
            return fail("{} holds all of IPv4, too (as ::ffff:0:0/96); all of IPv6 is 2000::/3",
                        prefix->text());
        return prefix;
    }
    const auto address = read_host_address(scalar.text);
    return address ? Result<Prefix>(Prefix::of(*address)) : std::unexpected(address.error());
}

Result<Endpoint> read_endpoint(const Scalar& scalar) {
    const auto parts = split_host_port(scalar.text);
    if (!parts)
        return fail("'{}' is not ADDRESS:PORT, such as 127.0.0.1:9660 or [::1]:9660", printable(scalar.text));
    const auto address = read_address(parts->host);
    if (!address)
        return std::unexpected(address.error());
    if (address->is_multicast() || is_broadcast(*address))
        return fail("{} is not an address to listen on", parts->host);
    const auto port = parse_port(parts->port);
    if (!port)
        return fail("port '{}' is not in 1..65535", printable(parts->port));
    return Endpoint{*address, *port};
}

Result<Listener> read_listener(std::string_view text) {
    const std::size_t slash = text.rfind('/');
    const auto parts = split_host_port(text.substr(0, slash));
    if (slash == std::string_view::npos || !parts)
        return fail("'{}' is not {}", printable(text), kListenerForm);
    const auto vip = read_host_address(parts->host);
    if (!vip)
        return std::unexpected(vip.error());
    const auto port = parts->port == "*" ? std::optional<std::uint16_t>(0) : parse_port(parts->port);
    if (!port)
        return fail("port '{}' is not in 1..65535 or *", printable(parts->port));
    const auto protocol = read_protocol(text.substr(slash + 1));
    if (!protocol)
        return std::unexpected(protocol.error());
    return Listener{*vip, *port, *protocol, false};
}

Result<MacAddress> read_mac(const Scalar& scalar) {
    const auto mac = MacAddress::parse(scalar.text);
    if (!mac)
        return fail("'{}' is not a MAC address such as 02:00:00:00:00:11", printable(scalar.text));
    if ((mac->bytes[0] & 1) != 0 || *mac == MacAddress{})
        return fail("{} is not the address of one host", scalar.text);
    return *mac;
}

}  // namespace guideway::config
