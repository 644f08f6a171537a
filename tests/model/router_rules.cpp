// SPDX-License-Identifier: Apache-2.0
#include "model/router_rules.hpp"

#include <algorithm>
#include <set>

namespace guideway::test {

namespace {
bool starts_with(const IpAddress& address, const Bytes& bytes) {
    return std::equal(bytes.begin(), bytes.end(), address.wire());
}
}  // namespace

bool is_link_local(const IpAddress& address) {
    if (address.is_v4())
        return starts_with(address, {169, 254});
    return address.wire()[0] == 0xfe && (address.wire()[1] & 0xc0) == 0x80;
}

bool is_impossible_source(const IpAddress& source, const IpAddress& vip) {
    if (source == vip)
        return true;
    const int first = source.wire()[0];
    if (source.is_v4())
        return first == 0 || first == 127 || (first >= 224 && first <= 239) ||
               source == *IpAddress::parse("255.255.255.255") || is_link_local(source);
    return first == 0xff || source == *IpAddress::parse("::") || source == *IpAddress::parse("::1");
}

abi::verdict judge_options(const Bytes& frame, std::size_t begin, std::size_t end) {
    while (begin < end) {
        const int kind = frame[begin];
        if (kind == 0)
            break;
        if (kind == 131 || kind == 137)
            return abi::VERDICT_SOURCE_ROUTED;
        if (kind == 1) {
            ++begin;
            continue;
        }
        const std::size_t length = begin + 1 < frame.size() ? frame[begin + 1] : 0;
        if (length < 2 || begin + length > end)
            return abi::VERDICT_BAD_OPTIONS;
        begin += length;
    }
    return abi::VERDICT_NONE;
}

bool is_link_control(const Bytes& frame, const ReadPacket& packet) {
    if (packet.v4)
        return false;
    const int type = frame[packet.transport];
    if (packet.ttl == 255)
        return std::set{133, 134, 135, 136, 137, 141, 142, 148, 149}.contains(type);
    return packet.ttl == 1 && is_link_local(packet.source) && std::set{130, 131, 132, 143}.contains(type);
}

bool checksum_holds(const Bytes& frame, const ReadPacket& packet) {
    if (!packet.v4)
        return true;
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < (frame[packet.link_length] & 15U) * 4; i += 2)
        sum += u16_at(frame, packet.link_length + i);
    return sum != 0 && sum % 0xffff == 0;
}

}  // namespace guideway::test
