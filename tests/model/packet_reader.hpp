// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "util/abi.hpp"
#include "util/ip_address.hpp"

namespace guideway::test {

using Bytes = std::vector<std::uint8_t>;

enum class FragmentPlace : std::uint8_t { kNone, kFirst, kLater };

/// What a frame says of itself, read as plainly as it can be. Offsets are into the frame.
struct ReadPacket {
    abi::verdict verdict = abi::VERDICT_NONE;  ///< why it is no whole packet of a flow, or a later fragment
    std::size_t link_length = 0;
    bool v4 = false;
    IpAddress source, destination;
    IpAddress sender;  ///< of an ICMP error, when `source` is the client that it is about
    std::uint8_t protocol = 0;
    std::uint32_t length = 0;  ///< of the IP packet
    std::uint8_t traffic_class = 0;
    std::uint8_t ttl = 0;  ///< or hop limit
    std::uint16_t id = 0;
    bool dont_fragment = false;
    FragmentPlace fragment = FragmentPlace::kNone;
    std::uint32_t fragment_id = 0;
    std::size_t transport = 0;         ///< where that header begins
    std::uint32_t transport_left = 0;  ///< bytes of the packet from there on
    std::uint16_t source_port = 0, destination_port = 0;
    bool is_syn = false, is_quic_initial = false;
    bool icmp_error = false;
};

/// VERDICT_ICMP stands for any ICMP message.
[[nodiscard]] ReadPacket read_packet(const Bytes& frame);

/// The flow that an ICMP error is about takes the place of what the packet's header says; or why not.
[[nodiscard]] abi::verdict read_icmp_error(const Bytes& frame, ReadPacket& packet);

[[nodiscard]] inline std::uint16_t u16_at(const Bytes& bytes, std::size_t offset) {
    return static_cast<std::uint16_t>(bytes.at(offset) << 8 | bytes.at(offset + 1));
}

}  // namespace guideway::test
