// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace guideway::test {

using Frame = std::vector<std::uint8_t>;

/// Bytes written as hex digits; blanks and line breaks are for the reader.
Frame bytes(std::string_view hex);

/// The reverse, for messages of failed tests: 16 bytes a line.
std::string hex(const Frame& frame);

/// A client's frame, built outwards in: `ipv4().tcp(80).payload(20)`. Every field can be made wrong.
class FrameBuilder {
  public:
    static FrameBuilder ipv4(const char* source = "198.51.100.7", const char* destination = "192.0.2.10");
    static FrameBuilder ipv6(const char* source = "2001:db8:9::7",
                             const char* destination = "2001:db8:1::10");
    static FrameBuilder ethernet(std::uint16_t protocol);

    FrameBuilder& tcp(std::uint16_t destination_port, std::uint8_t flags = kAck,
                      std::uint16_t source_port = 1234);
    FrameBuilder& udp(std::uint16_t destination_port, std::uint16_t source_port = 1234);
    /// Raw bytes of any protocol behind the IP header.
    FrameBuilder& protocol(std::uint8_t number, const Frame& contents);
    FrameBuilder& payload(std::size_t size);

    /// A tag in front of what is there already; the outermost comes last.
    FrameBuilder& vlan(std::uint16_t tag_protocol, std::uint16_t number);
    FrameBuilder& to(std::string_view mac);  ///< the Ethernet destination, as hex digits
    FrameBuilder& from(std::string_view mac);
    FrameBuilder& ttl(std::uint8_t value);  ///< or hop limit
    FrameBuilder& tos(std::uint8_t value);
    FrameBuilder& id(std::uint16_t value);
    FrameBuilder& fragment_field(std::uint16_t value);         ///< flags and offset as in the header
    FrameBuilder& options(const Frame& options);               ///< IPv4; a multiple of 4 bytes
    FrameBuilder& extension(std::uint8_t kind, Frame header);  ///< IPv6; its first byte is filled in
    FrameBuilder& version(std::uint8_t value);
    FrameBuilder& header_words(std::uint8_t value);  ///< IPv4 IHL
    FrameBuilder& data_offset(std::uint8_t words);   ///< TCP's
    FrameBuilder& break_checksum();                  ///< IPv4
    FrameBuilder& total_length(int difference);      ///< wrong by this
    FrameBuilder& padding(std::size_t size);         ///< behind the IP packet
    FrameBuilder& cut(std::size_t size);             ///< keeps this many bytes of the frame

    [[nodiscard]] Frame build() const;

    static constexpr std::uint8_t kSyn = 0x02;
    static constexpr std::uint8_t kAck = 0x10;

  private:
    [[nodiscard]] Frame ipv4_packet() const;
    [[nodiscard]] Frame ipv6_packet() const;

    std::uint16_t ethernet_protocol_ = 0;
    Frame destination_mac_, source_mac_;
    Frame tags_;
    Frame source_, destination_;
    std::uint8_t protocol_ = 59;
    Frame contents_;
    std::uint8_t ttl_ = 63;
    bool checksum_is_broken_ = false;
    std::uint8_t tos_ = 0;
    std::uint16_t id_ = 0x1d2c;
    std::uint16_t fragment_field_ = 0x4000;
    Frame options_;
    std::vector<std::pair<std::uint8_t, Frame>> extensions_;
    int version_ = -1;
    int header_words_ = -1;
    int length_difference_ = 0;
    std::size_t padding_ = 0;
    std::size_t cut_ = SIZE_MAX;
};

}  // namespace guideway::test
