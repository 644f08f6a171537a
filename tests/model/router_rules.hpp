// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/packet_reader.hpp"

/// What a router owes the network, said as plainly as docs/router-rules.md has it.
namespace guideway::test {

/// An address that no client behind a router can have: nobody's, everybody's, or the VIP's own.
[[nodiscard]] bool is_impossible_source(const IpAddress& source, const IpAddress& vip);
[[nodiscard]] bool is_link_local(const IpAddress& address);

/// VERDICT_NONE: no IPv4 option there leads the packet on its way.
[[nodiscard]] abi::verdict judge_options(const Bytes& frame, std::size_t begin, std::size_t end);

/// Neighbour discovery, or what else hosts of one link tell each other by ICMPv6.
[[nodiscard]] bool is_link_control(const Bytes& frame, const ReadPacket& packet);

/// Of the IPv4 header; true for IPv6.
[[nodiscard]] bool checksum_holds(const Bytes& frame, const ReadPacket& packet);

}  // namespace guideway::test
