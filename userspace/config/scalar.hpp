// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/document.hpp"
#include "config/model.hpp"
#include "util/result.hpp"

/// One scalar of the file to one value. Errors are the message alone: `70000 is not in 0..65535`.
namespace guideway::config {

template <typename T>
struct Range {
    T low;
    T high;
};

using IntegerRange = Range<std::uint64_t>;
using DurationRange = Range<Duration>;

/// Plain decimal, without leading zero, sign, fraction or quotes.
[[nodiscard]] Result<std::uint64_t> read_integer(const Scalar& scalar, IntegerRange range);
[[nodiscard]] Result<bool> read_boolean(const Scalar& scalar);
/// `500ms`, `1s`, `10m`, `1h`.
[[nodiscard]] Result<Duration> read_duration(const Scalar& scalar, DurationRange range);
/// `50%`, 0..100.
[[nodiscard]] Result<unsigned> read_percent(const Scalar& scalar);

/// The shortest text that read_duration() takes for the duration: `1h`, `90s`.
[[nodiscard]] std::string duration_text(Duration duration);

/// An address that a host on the network can have: no multicast, loopback, unspecified or broadcast.
[[nodiscard]] Result<IpAddress> read_host_address(std::string_view text);
/// A host address, but not IPv6 link-local, which names no host without an interface.
[[nodiscard]] Result<IpAddress> read_backend_address(const Scalar& scalar);
[[nodiscard]] Result<IpAddress> read_v4_address(const Scalar& scalar);
[[nodiscard]] Result<IpAddress> read_v6_address(const Scalar& scalar);
[[nodiscard]] Result<Prefix> read_prefix(const Scalar& scalar);
/// An address that is served, or a prefix of such.
[[nodiscard]] Result<Prefix> read_vip(const Scalar& scalar);
/// The outer source of a balancer, or a prefix that holds it.
[[nodiscard]] Result<Prefix> read_balancer(const Scalar& scalar);
/// `127.0.0.1:9660`, `[::1]:9660`; loopback and unspecified addresses are fine to listen on.
[[nodiscard]] Result<Endpoint> read_endpoint(const Scalar& scalar);
/// `192.0.2.10:80/tcp`, `[2001:db8::10]:*/udp`.
[[nodiscard]] Result<Listener> read_listener(std::string_view text);
/// A unicast Ethernet address.
[[nodiscard]] Result<MacAddress> read_mac(const Scalar& scalar);

/// 32 hex digits; the error never shows them.
[[nodiscard]] Result<HashKey> read_hash_key(std::string_view text);
[[nodiscard]] Result<std::string> read_interface(const Scalar& scalar);
/// In the place of a name: the interface that the default route leads through, when the file is read.
inline constexpr const char* kAutoInterface = "auto";
[[nodiscard]] Result<std::string> read_service_name(const Scalar& scalar);
[[nodiscard]] Result<std::string> read_backend_name(const Scalar& scalar);
/// A name or number of a group of this host; whether there is one is not looked up.
[[nodiscard]] Result<std::string> read_group(const Scalar& scalar);
[[nodiscard]] Result<std::string> read_absolute_path(const Scalar& scalar);
/// The path of a URL.
[[nodiscard]] Result<std::string> read_url_path(const Scalar& scalar);
/// A name or address as HTTP's Host and TLS's SNI have it.
[[nodiscard]] Result<std::string> read_host_name(const Scalar& scalar);
/// A protocol name as ALPN has it: 1..255 characters.
[[nodiscard]] Result<std::string> read_alpn(const Scalar& scalar);
/// Text whose `\xNN`, `\r`, `\n`, `\t` and `\\` stand for bytes: 1..1024 of them.
[[nodiscard]] Result<std::string> read_bytes(const Scalar& scalar);
/// `200` or `200-299`, within 100..599.
[[nodiscard]] Result<StatusRange> read_status_range(const Scalar& scalar);
/// A prime in 251..1048573.
[[nodiscard]] Result<std::uint32_t> read_table_size(const Scalar& scalar);
/// `64512:100`, `64512:1:2`.
[[nodiscard]] Result<Community> read_community(const Scalar& scalar);
/// `auto`, which is an unspecified address, or an IPv4 address.
[[nodiscard]] Result<IpAddress> read_router_id(const Scalar& scalar);
/// `self`, or an address of the family.
[[nodiscard]] Result<RouteNextHop> read_next_hop(const Scalar& scalar);
[[nodiscard]] Result<RouteNextHop> read_next_hop6(const Scalar& scalar);
/// `ipv4`, `ipv6`.
[[nodiscard]] Result<Family> read_family(const Scalar& scalar);
/// A TCP MD5 password as a file holds it; the error never shows it.
[[nodiscard]] Result<std::string> read_password(std::string_view text);

/// Without blanks and line breaks around it.
[[nodiscard]] std::string_view trimmed(std::string_view text);
/// `0x67000000/0xff000000`.
[[nodiscard]] Result<ProbeMark> read_probe_mark(const Scalar& scalar);

}  // namespace guideway::config
