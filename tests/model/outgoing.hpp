// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "config/model.hpp"
#include "model/packet_reader.hpp"

/// The frames that a balancer sends, written field by field.
namespace guideway::test {

/// What is put in front of an IP packet on its way to the backend.
[[nodiscard]] std::size_t outer_headers_size(const IpAddress& backend, config::Encapsulation encapsulation);

[[nodiscard]] Bytes wrapped(const Bytes& frame, const ReadPacket& packet, const config::Datapath& datapath,
                            const config::Service& service, const config::Backend& backend,
                            std::uint64_t hash);

[[nodiscard]] Bytes echo_reply(Bytes frame, const ReadPacket& packet);

/// Fragmentation needed, or packet too big.
[[nodiscard]] Bytes too_big_answer(const Bytes& frame, const ReadPacket& packet, std::uint32_t mtu);

/// Of a UDP packet, from the VIP.
[[nodiscard]] Bytes port_unreachable(const Bytes& frame, const ReadPacket& packet);

}  // namespace guideway::test
