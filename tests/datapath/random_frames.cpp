// SPDX-License-Identifier: Apache-2.0
#include "random_frames.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

namespace guideway::test {

namespace {
using Texts = std::vector<std::string>;
const Texts kClients{"198.51.100.7", "198.51.100.8", "203.0.113.1", "10.1.2.3"};
const Texts kClients6{"2001:db8:9::7", "2001:db8:9::8", "2001:db8:ffff::1"};
/// Sources that are impossible, or nearly so.
const Texts kOddClients{"0.0.0.0",   "0.0.0.1",         "127.0.0.1",   "126.1.2.3",
                        "128.0.0.1", "169.254.1.1",     "169.253.1.1", "169.255.1.1",
                        "224.0.0.1", "239.255.255.255", "240.0.0.1",   "255.255.255.255",
                        "255.1.2.3", "223.255.255.255", "192.0.2.10",  "192.0.2.11"};
const Texts kOddClients6{"::",
                         "::1",
                         "::2",
                         "::ffff:198.51.100.7",
                         "::ffff:0.0.0.0",
                         "fe80::1",
                         "febf::1",
                         "fec0::1",
                         "fd00::1",
                         "64:ff9b::1",
                         "ff02::1",
                         "2001:db8:1::10",
                         "3fff::10",
                         "2001:db8:1::11",
                         "4000::1"};
const Texts kDestinations{"192.0.2.10", "192.0.2.10", "192.0.2.11", "192.0.2.12", "192.0.2.99"};
const Texts kDestinations6{"2001:db8:1::10", "2001:db8:1::10", "2001:db8:1::11", "2001:db8:1::99"};
const std::vector<std::uint16_t> kPorts{80, 80, 53, 443, 443, 8080};
}  // namespace

std::string RandomFrames::datapath() {
    return ", table_size: 251" + one_of(Texts{"", ", answer_closed: true"}) +
           one_of(Texts{"", "", ", source_prefix: 10.9.0.0/16", ", source_prefix: '2001:db8:9::/48'"});
}

std::string RandomFrames::services() {
    const auto options = [this] {
        return ", encapsulation: " + one_of(Texts{"ipip", "ipip", "gre", "gue"}) +
               one_of(Texts{"", ", affinity: client"}) +
               one_of(Texts{"", "", ", table_size: 257", ", table_size: 1021"}) +
               one_of(Texts{"", ", tracking: moves", ", tracking: always", ", tracking: never"}) +
               one_of(Texts{"", "", ", allow: [198.51.100.0/24, '2001:db8:9::/64']",
                            ", allow: [198.51.100.8/32]"}) +
               one_of(
                   Texts{"", "", ", deny: [198.51.100.8/31]", ", deny: ['2001:db8:9::8/128', 10.0.0.0/8]"});
    };
    const auto backend = [this](const char* address) {
        const auto mtu = one_of(Texts{"", "", ", mtu: 1500", ", mtu: 1300", ", mtu: 576", ", mtu: 9000"});
        return fmt::format("{{address: '{}'{}}}", address, mtu);
    };
    return fmt::format(
        "  - {{name: a, listen: ['192.0.2.10:80/tcp', '192.0.2.10:53/udp', '[2001:db8:1::10]:80/tcp',"
        " {{listen: '[2001:db8:1::10]:443/udp', quic: true}}]{}, backends: [{}, {}, {}]}}\n"
        "  - {{name: b, listen: ['192.0.2.11:*/tcp', '[2001:db8:1::11]:*/udp', '[2001:db8:1::11]:443/tcp',"
        " {{listen: '192.0.2.10:443/udp', quic: true}}]{}, backends: [{}, {}]}}\n"
        "  - {{name: c, listen: ['192.0.2.12:80/tcp'], backends: []}}\n",
        options(), backend("10.0.0.1"), backend("10.0.0.2"), backend("2001:db8:2::3"), options(),
        backend("10.0.0.1"), backend("2001:db8:2::4"));
}

Frame RandomFrames::next() {
    const bool v4 = chance(50);
    auto frame = addressed(v4);
    add_contents(frame, v4);
    if (!v4)
        add_extensions(frame);
    else if (chance(10))
        frame.options(one_of(std::vector{bytes("94 04 00 00"), bytes("01 01 01 00 07 07 04 00"),
                                         bytes("01 83 07 04 00 00 00 00"), bytes("89 03 04 00"),
                                         bytes("07 07 04 00 00 00 00 83"), bytes("00 83 03 04"),
                                         bytes("94 05 00 00"), bytes("94 01 00 00"), bytes("01 01 01 94"),
                                         bytes("44 04 05 00 00 83 03 04"), Frame(40, 1)}));
    if (chance(10))
        add_fragmentation(frame, v4);
    frame.tos(static_cast<std::uint8_t>(chance(70) ? 0 : below(256)));
    if (chance(5))
        frame.vlan(0x8100, static_cast<std::uint16_t>(below(4096)));
    if (chance(3))
        frame.vlan(chance(50) ? 0x88a8 : 0x8100, static_cast<std::uint16_t>(below(4096)));
    if (chance(1))
        frame.vlan(0x8100, 1);
    if (chance(10))
        frame.padding(below(40));
    if (chance(5))
        frame.total_length(static_cast<int>(below(60)) - 30);
    if (chance(2))
        frame.version(static_cast<std::uint8_t>(below(16)));
    if (chance(2))
        frame.header_words(static_cast<std::uint8_t>(below(16)));
    if (chance(4))
        frame.ttl(one_of(std::vector<std::uint8_t>{0, 1, 2, 255}));
    if (chance(3))
        frame.to(one_of(Texts{"ff ff ff ff ff ff", "01 00 5e 00 00 01", "33 33 00 00 00 01"}));
    if (chance(3))
        frame.break_checksum();
    auto built = frame.build();
    if (chance(20))
        damage(built);
    return built;
}

FrameBuilder RandomFrames::addressed(bool v4) {
    const bool odd = chance(8);
    const auto client = one_of(odd ? (v4 ? kOddClients : kOddClients6) : (v4 ? kClients : kClients6));
    const auto destination = one_of(v4 ? kDestinations : kDestinations6);
    auto frame = v4 ? FrameBuilder::ipv4(client.c_str(), destination.c_str())
                    : FrameBuilder::ipv6(client.c_str(), destination.c_str());
    frame.id(static_cast<std::uint16_t>(0x1111 * below(16)));  // few, so that fragments meet
    if (v4 && chance(20))
        frame.fragment_field(0);
    return frame;
}

void RandomFrames::add_contents(FrameBuilder& frame, bool v4) {
    const auto port = one_of(kPorts);
    const auto source = static_cast<std::uint16_t>(1024 + below(24));
    const auto kind = below(10);
    if (kind < 4) {
        frame.tcp(port, one_of(std::vector<std::uint8_t>{0x02, 0x10, 0x10, 0x12, 0x11, 0x04}), source);
        if (chance(5))
            frame.data_offset(static_cast<std::uint8_t>(below(16)));
    } else if (kind < 7) {
        frame.udp(port, source);
    } else if (kind < 9) {
        frame.protocol(v4 ? 1 : 58, icmp_message(v4));
        return;
    } else {
        frame.protocol(static_cast<std::uint8_t>(below(256)), random_bytes(below(64)));
        return;
    }
    if (kind >= 4 && chance(50)) {  // QUIC long headers of both versions
        const auto datagram =
            one_of(Texts{"c300000001", "e000000001", "d06b3343cf", "c06b3343cf", "4000000000"});
        frame.protocol(IPPROTO_UDP, bytes(fmt::format("{:04x}{:04x}00000000{}", source, port, datagram)));
    }
    frame.payload(chance(70) ? below(100) : 500 + below(1200));
}

Frame RandomFrames::icmp_message(bool v4) {
    const auto type = v4 ? one_of(std::vector<std::uint8_t>{3, 3, 11, 12, 8, 8, 0, 5})
                         : one_of(std::vector<std::uint8_t>{1, 2, 3, 4, 128, 128, 129, 130, 135, 136, 143});
    auto message = bytes(fmt::format("{:02x}{:02x}000000000000", type, chance(80) ? 0 : below(16)));
    if (type != 8 && type != 128) {
        const auto packet = quoted(v4);
        message.insert(message.end(), packet.begin(), packet.end());
        if (chance(5))
            message.resize(message.size() + below(1400));
        return message;
    }
    const auto rest = chance(50) ? random_bytes(below(80)) : Frame(below(80));
    message[2] = static_cast<std::uint8_t>(below(256));
    message[3] = static_cast<std::uint8_t>(below(256));
    if (chance(70))
        message[5] = static_cast<std::uint8_t>(below(256));
    message.insert(message.end(), rest.begin(), rest.end());
    return message;
}

/// A packet of a server to its client, cut off somewhere.
Frame RandomFrames::quoted(bool v4) {
    const bool odd = chance(5);
    const auto client = one_of(odd ? (v4 ? kOddClients : kOddClients6) : (v4 ? kClients : kClients6));
    const auto vip = one_of(v4 ? kDestinations : kDestinations6);
    auto frame = v4 ? FrameBuilder::ipv4(vip.c_str(), client.c_str())
                    : FrameBuilder::ipv6(vip.c_str(), client.c_str());
    const auto port = static_cast<std::uint16_t>(1024 + below(24));
    if (chance(60))
        frame.tcp(port, 0x10, one_of(kPorts));
    else if (chance(80))
        frame.udp(port, one_of(kPorts));
    else
        frame.protocol(v4 ? 1 : 58, bytes("00 00 00 00 00 00 00 00"));
    if (v4 && chance(20))
        frame.options(bytes("94 04 00 00"));
    if (!v4)
        add_extensions(frame);
    if (chance(5))
        frame.fragment_field(0x2010);
    if (chance(5))
        frame.header_words(static_cast<std::uint8_t>(below(16)));
    if (chance(3))
        frame.version(static_cast<std::uint8_t>(below(16)));
    if (chance(3))
        frame.total_length(-static_cast<int>(below(30)));
    const Frame whole = frame.payload(below(600)).build();
    Frame packet(whole.begin() + 14, whole.end());
    if (chance(70))
        packet.resize(std::min<std::size_t>(packet.size(), (v4 ? 20 : 40) + below(40)));
    return packet;
}

void RandomFrames::add_extensions(FrameBuilder& frame) {
    const auto count = chance(80) ? 0 : chance(80) ? below(3) + 1 : below(11);
    for (std::uint32_t i = 0; i < count; ++i) {
        switch (below(4)) {
            case 0:
                frame.extension(60, bytes("00 00 01 04 00 00 00 00"));
                break;
            case 1:
                frame.extension(0, bytes("00 01 01 0c 0000 0000 0000 0000 0000 0000"));
                break;
            case 2:
                frame.extension(51, bytes("00 01 0000 00000100 00000001"));
                break;
            default:
                frame.extension(43, bytes(fmt::format("00 00 {:02x} {:02x} 00 00 00 00", chance(20) ? 0 : 4,
                                                      chance(20) ? below(3) : 0)));
        }
    }
}

void RandomFrames::add_fragmentation(FrameBuilder& frame, bool v4) {
    const auto field = one_of(std::vector<std::uint16_t>{0x2000, 0x2000, 0x0005, 0x2005, 0x4005});
    if (v4) {
        frame.fragment_field(field);
        return;
    }
    const auto offset = static_cast<std::uint16_t>((field & 0x1fff) << 3 | (field & 0x2000 ? 1 : 0));
    frame.extension(44, bytes(fmt::format("00 00 {:04x} 00 00 00 {:02x}", offset, below(16))));
}

Frame RandomFrames::random_bytes(std::size_t size) {
    Frame result(size);
    for (auto& byte : result)
        byte = static_cast<std::uint8_t>(below(256));
    return result;
}

void RandomFrames::damage(Frame& frame) {
    if (chance(40))
        frame.resize(14 + below(static_cast<std::uint32_t>(frame.size() - 13)));
    for (auto flips = below(4); flips > 0; --flips)
        frame[below(static_cast<std::uint32_t>(std::min<std::size_t>(frame.size(), 100)))] ^=
            static_cast<std::uint8_t>(1U << below(8));
}

}  // namespace guideway::test
