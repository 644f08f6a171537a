// SPDX-License-Identifier: Apache-2.0
#include "model/outgoing.hpp"

#include <algorithm>

namespace guideway::test {

namespace {
constexpr std::size_t kQuoted = 512;

/// Writes bytes one behind another, in network order.
class Writer {
  public:
    Writer& u8(unsigned value) {
        bytes_.push_back(static_cast<std::uint8_t>(value));
        return *this;
    }
    Writer& u16(unsigned value) { return u8(value >> 8).u8(value); }
    Writer& u32(std::uint32_t value) { return u16(value >> 16).u16(value); }
    Writer& address(const IpAddress& address) {
        bytes_.insert(bytes_.end(), address.wire(), address.wire() + address.wire_size());
        return *this;
    }
    Writer& mac(const MacAddress& mac) { return bytes({mac.bytes.begin(), mac.bytes.end()}); }
    Writer& bytes(const Bytes& more) {
        bytes_.insert(bytes_.end(), more.begin(), more.end());
        return *this;
    }
    [[nodiscard]] Bytes take() { return std::move(bytes_); }

  private:
    Bytes bytes_;
};

unsigned checksum_of(const Bytes& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i)
        sum += i % 2 == 0 ? bytes[i] << 8U : bytes[i];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}

void put16(Bytes& bytes, std::size_t offset, unsigned value) {
    bytes.at(offset) = static_cast<std::uint8_t>(value >> 8);
    bytes.at(offset + 1) = static_cast<std::uint8_t>(value);
}

/// One's complement arithmetic is arithmetic modulo 65535.
void change_word(Bytes& bytes, std::size_t checksum, std::size_t word, unsigned value) {
    put16(bytes, checksum, (u16_at(bytes, checksum) + u16_at(bytes, word) + 65535 - value % 65535) % 65535);
    put16(bytes, word, value);
}

Bytes ipv4_header(unsigned tos, unsigned length, unsigned id, bool dont_fragment, unsigned protocol,
                  const IpAddress& source, const IpAddress& destination) {
    Bytes header = Writer()
                       .u8(0x45)
                       .u8(tos)
                       .u16(length)
                       .u16(id)
                       .u16(dont_fragment ? 0x4000 : 0)
                       .u8(64)
                       .u8(protocol)
                       .u16(0)
                       .address(source)
                       .address(destination)
                       .take();
    put16(header, 10, checksum_of(header));
    return header;
}

Bytes ipv6_header(std::uint32_t first, unsigned length, unsigned protocol, const IpAddress& source,
                  const IpAddress& destination) {
    return Writer().u32(first).u16(length).u8(protocol).u8(64).address(source).address(destination).take();
}

/// Ethernet addresses swapped, tags kept.
Bytes link_back(const Bytes& frame, const ReadPacket& packet) {
    Bytes link(frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(packet.link_length));
    std::swap_ranges(link.begin(), link.begin() + 6, link.begin() + 6);
    return link;
}

Bytes shim(const ReadPacket& packet, config::Encapsulation encapsulation, std::uint64_t hash) {
    const unsigned protocol = packet.v4 ? 4 : 41;
    if (encapsulation == config::Encapsulation::kGre)
        return Writer().u16(0).u16(packet.v4 ? 0x0800 : 0x86dd).take();
    if (encapsulation == config::Encapsulation::kGue)
        return Writer()
            .u16(0xc000 + static_cast<unsigned>(hash % 0x4000))
            .u16(6080)
            .u16(packet.length + 12)
            .u16(0)
            .u8(0)
            .u8(protocol)
            .u16(0)
            .take();
    return {};
}

IpAddress outer_source(const config::Datapath& datapath, bool v4, std::uint64_t hash) {
    auto source =
        (v4 ? datapath.source : datapath.source6).value_or(*IpAddress::parse(v4 ? "192.0.0.8" : "100::1"));
    if (!datapath.source_prefix || datapath.source_prefix->address.is_v4() != v4)
        return source;
    auto bytes = datapath.source_prefix->address.bytes();
    const unsigned host_bits = std::min((v4 ? 32U : 128U) - datapath.source_prefix->length, 64U);
    for (unsigned bit = 0; bit < host_bits; ++bit) {
        if ((hash >> bit & 1) != 0)
            bytes[15 - bit / 8] |= static_cast<std::uint8_t>(1U << (bit % 8));
    }
    return IpAddress(bytes);
}

Bytes icmp_error(const Bytes& frame, const ReadPacket& packet, unsigned type, unsigned code,
                 std::uint32_t rest) {
    const auto ip = frame.begin() + static_cast<std::ptrdiff_t>(packet.link_length);
    const Bytes quoted(
        ip, ip + static_cast<std::ptrdiff_t>(std::min<std::size_t>(packet.length / 4 * 4, kQuoted)));
    Bytes message = Writer().u8(type).u8(code).u16(0).u32(rest).bytes(quoted).take();
    const auto length = static_cast<unsigned>(message.size());
    Writer out;
    out.bytes(link_back(frame, packet));
    if (packet.v4) {
        put16(message, 2, checksum_of(message));
        out.bytes(ipv4_header(0, length + 20, 0, true, 1, packet.destination, packet.source));
    } else {
        put16(message, 2,
              checksum_of(Writer()
                              .address(packet.destination)
                              .address(packet.source)
                              .u32(length)
                              .u32(58)
                              .bytes(message)
                              .take()));
        out.bytes(ipv6_header(6U << 28, length, 58, packet.destination, packet.source));
    }
    return out.bytes(message).take();
}
}  // namespace

std::size_t outer_headers_size(const IpAddress& backend, config::Encapsulation encapsulation) {
    const std::size_t shim = encapsulation == config::Encapsulation::kGre   ? 4
                             : encapsulation == config::Encapsulation::kGue ? 12
                                                                            : 0;
    return (backend.is_v4() ? 20 : 40) + shim;
}

Bytes wrapped(const Bytes& frame, const ReadPacket& packet, const config::Datapath& datapath,
              const config::Service& service, const config::Backend& backend, std::uint64_t hash) {
    const bool v4 = backend.address.is_v4();
    const auto shim_bytes = shim(packet, service.encapsulation, hash);
    const unsigned protocol = service.encapsulation == config::Encapsulation::kGre   ? 47
                              : service.encapsulation == config::Encapsulation::kGue ? 17
                              : packet.v4                                            ? 4
                                                                                     : 41;
    const auto length = packet.length + static_cast<unsigned>(shim_bytes.size());
    const auto source = outer_source(datapath, v4, hash);
    Writer out;
    out.mac(backend.mac.value_or(MacAddress{{2, 0, 0, 0, 0, 1}})).mac({{2, 0, 0, 0, 0, 2}});
    out.u16(v4 ? 0x0800 : 0x86dd);
    if (v4)
        out.bytes(ipv4_header(packet.traffic_class, length + 20, packet.id, packet.dont_fragment, protocol,
                              source, backend.address));
    else
        out.bytes(ipv6_header(
            6U << 28 | std::uint32_t{packet.traffic_class} << 20 | static_cast<std::uint32_t>(hash & 0xfffff),
            length, protocol, source, backend.address));
    const auto ip = frame.begin() + static_cast<std::ptrdiff_t>(packet.link_length);
    return out.bytes(shim_bytes).bytes(Bytes(ip, ip + packet.length)).take();
}

Bytes echo_reply(Bytes frame, const ReadPacket& packet) {
    const auto ip = packet.link_length;
    const auto icmp = packet.transport;
    std::swap_ranges(frame.begin(), frame.begin() + 6, frame.begin() + 6);
    const auto addresses = frame.begin() + static_cast<std::ptrdiff_t>(ip + (packet.v4 ? 12 : 8));
    const std::ptrdiff_t size = packet.v4 ? 4 : 16;
    std::swap_ranges(addresses, addresses + size, addresses + size);
    if (packet.v4)
        change_word(frame, ip + 10, ip + 8, 64U << 8 | frame[ip + 9]);
    else
        frame[ip + 7] = 64;
    change_word(frame, icmp + 2, icmp, packet.v4 ? 0 : 129U << 8);
    const bool zeros = std::all_of(frame.begin() + static_cast<std::ptrdiff_t>(icmp),
                                   frame.begin() + static_cast<std::ptrdiff_t>(icmp + 8),
                                   [](std::uint8_t byte) { return byte == 0; });
    if (zeros)
        put16(frame, icmp + 2, 0xffff);
    return frame;
}

Bytes too_big_answer(const Bytes& frame, const ReadPacket& packet, std::uint32_t mtu) {
    return icmp_error(frame, packet, packet.v4 ? 3 : 2, packet.v4 ? 4 : 0, mtu);
}

Bytes port_unreachable(const Bytes& frame, const ReadPacket& packet) {
    return icmp_error(frame, packet, packet.v4 ? 3 : 1, packet.v4 ? 3 : 4, 0);
}

}  // namespace guideway::test
