// SPDX-License-Identifier: Apache-2.0
#include "frame.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace guideway::test {

namespace {
void put16(Frame& frame, unsigned value) {
    frame.push_back(static_cast<std::uint8_t>(value >> 8));
    frame.push_back(static_cast<std::uint8_t>(value));
}

void append(Frame& frame, const Frame& more) {
    frame.insert(frame.end(), more.begin(), more.end());
}

Frame address(int family, const char* text) {
    Frame result(family == AF_INET ? 4 : 16);
    inet_pton(family, text, result.data());
    return result;
}

unsigned internet_checksum(const Frame& header) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < header.size(); i += 2)
        sum += header[i] << 8 | header[i + 1];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return ~sum & 0xffff;
}
}  // namespace

Frame bytes(std::string_view hex) {
    Frame result;
    std::string digits;
    std::ranges::copy_if(hex, std::back_inserter(digits), [](unsigned char c) { return std::isxdigit(c); });
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        result.push_back(static_cast<std::uint8_t>(std::stoul(digits.substr(i, 2), nullptr, 16)));
    return result;
}

std::string hex(const Frame& frame) {
    std::string text;
    for (std::size_t i = 0; i < frame.size(); ++i)
        text += fmt::format("{:02x}{}", frame[i], i % 16 == 15 ? "\n" : " ");
    return text;
}

FrameBuilder FrameBuilder::ipv4(const char* source, const char* destination) {
    FrameBuilder builder = ethernet(0x0800);
    builder.source_ = address(AF_INET, source);
    builder.destination_ = address(AF_INET, destination);
    return builder;
}

FrameBuilder FrameBuilder::ipv6(const char* source, const char* destination) {
    FrameBuilder builder = ethernet(0x86dd);
    builder.source_ = address(AF_INET6, source);
    builder.destination_ = address(AF_INET6, destination);
    return builder;
}

FrameBuilder FrameBuilder::ethernet(std::uint16_t protocol) {
    FrameBuilder builder;
    builder.ethernet_protocol_ = protocol;
    builder.to("02 00 00 00 00 aa").from("02 00 00 00 00 bb");
    return builder;
}

FrameBuilder& FrameBuilder::tcp(std::uint16_t destination_port, std::uint8_t flags,
                                std::uint16_t source_port) {
    Frame header;
    put16(header, source_port);
    put16(header, destination_port);
    append(header, bytes("11223344 55667788 50"));
    header.push_back(flags);
    append(header, bytes("faf0 0000 0000"));
    return protocol(IPPROTO_TCP, header);
}

FrameBuilder& FrameBuilder::udp(std::uint16_t destination_port, std::uint16_t source_port) {
    Frame header;
    put16(header, source_port);
    put16(header, destination_port);
    append(header, bytes("0008 0000"));
    return protocol(IPPROTO_UDP, header);
}

FrameBuilder& FrameBuilder::protocol(std::uint8_t number, const Frame& contents) {
    protocol_ = number;
    contents_ = contents;
    return *this;
}

FrameBuilder& FrameBuilder::payload(std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        contents_.push_back(static_cast<std::uint8_t>(i));
    return *this;
}

FrameBuilder& FrameBuilder::vlan(std::uint16_t tag_protocol, std::uint16_t number) {
    Frame tag;
    put16(tag, tag_protocol);
    put16(tag, number);
    tags_.insert(tags_.begin(), tag.begin(), tag.end());
    return *this;
}

FrameBuilder& FrameBuilder::to(std::string_view mac) {
    destination_mac_ = bytes(mac);
    return *this;
}

FrameBuilder& FrameBuilder::from(std::string_view mac) {
    source_mac_ = bytes(mac);
    return *this;
}

FrameBuilder& FrameBuilder::ttl(std::uint8_t value) {
    ttl_ = value;
    return *this;
}

FrameBuilder& FrameBuilder::data_offset(std::uint8_t words) {
    contents_.at(12) = static_cast<std::uint8_t>(words << 4);
    return *this;
}

FrameBuilder& FrameBuilder::break_checksum() {
    checksum_is_broken_ = true;
    return *this;
}

FrameBuilder& FrameBuilder::tos(std::uint8_t value) {
    tos_ = value;
    return *this;
}

FrameBuilder& FrameBuilder::id(std::uint16_t value) {
    id_ = value;
    return *this;
}

FrameBuilder& FrameBuilder::fragment_field(std::uint16_t value) {
    fragment_field_ = value;
    return *this;
}

FrameBuilder& FrameBuilder::options(const Frame& options) {
    options_ = options;
    return *this;
}

FrameBuilder& FrameBuilder::extension(std::uint8_t kind, Frame header) {
    extensions_.emplace_back(kind, std::move(header));
    return *this;
}

FrameBuilder& FrameBuilder::version(std::uint8_t value) {
    version_ = value;
    return *this;
}

FrameBuilder& FrameBuilder::header_words(std::uint8_t value) {
    header_words_ = value;
    return *this;
}

FrameBuilder& FrameBuilder::total_length(int difference) {
    length_difference_ = difference;
    return *this;
}

FrameBuilder& FrameBuilder::padding(std::size_t size) {
    padding_ = size;
    return *this;
}

FrameBuilder& FrameBuilder::cut(std::size_t size) {
    cut_ = size;
    return *this;
}

Frame FrameBuilder::build() const {
    Frame frame = destination_mac_;
    append(frame, source_mac_);
    append(frame, tags_);
    put16(frame, ethernet_protocol_);
    if (source_.size() == 4)
        append(frame, ipv4_packet());
    else if (source_.size() == 16)
        append(frame, ipv6_packet());
    else
        append(frame, contents_);
    frame.resize(frame.size() + padding_, 0xee);
    frame.resize(std::min(frame.size(), cut_));
    return frame;
}

Frame FrameBuilder::ipv4_packet() const {
    const unsigned words = 5 + static_cast<unsigned>(options_.size() / 4);
    Frame header;
    header.push_back(static_cast<std::uint8_t>(
        (version_ < 0 ? 4 : version_) << 4 | (header_words_ < 0 ? static_cast<int>(words) : header_words_)));
    header.push_back(tos_);
    put16(header, static_cast<unsigned>(static_cast<int>(4 * words + contents_.size()) + length_difference_));
    put16(header, id_);
    put16(header, fragment_field_);
    header.push_back(ttl_);
    header.push_back(protocol_);
    put16(header, 0);
    append(header, source_);
    append(header, destination_);
    append(header, options_);
    const unsigned checksum = internet_checksum(header) ^ (checksum_is_broken_ ? 0x0100U : 0U);
    header[10] = static_cast<std::uint8_t>(checksum >> 8);
    header[11] = static_cast<std::uint8_t>(checksum);
    append(header, contents_);
    return header;
}

Frame FrameBuilder::ipv6_packet() const {
    Frame chain;
    for (std::size_t i = 0; i < extensions_.size(); ++i) {
        Frame header = extensions_[i].second;
        header[0] = i + 1 < extensions_.size() ? extensions_[i + 1].first : protocol_;
        append(chain, header);
    }
    append(chain, contents_);
    Frame packet;
    packet.push_back(static_cast<std::uint8_t>((version_ < 0 ? 6 : version_) << 4 | tos_ >> 4));
    packet.push_back(static_cast<std::uint8_t>(tos_ << 4));
    put16(packet, 0xcafe);
    put16(packet, static_cast<unsigned>(static_cast<int>(chain.size()) + length_difference_));
    packet.push_back(extensions_.empty() ? protocol_ : extensions_.front().first);
    packet.push_back(ttl_);
    append(packet, source_);
    append(packet, destination_);
    append(packet, chain);
    return packet;
}

}  // namespace guideway::test
