// SPDX-License-Identifier: Apache-2.0
#include "config/model.hpp"

#include <fmt/format.h>

namespace guideway::config {

std::string Listener::text() const {
    return fmt::format("{}{}{}:{}/{}", vip.is_v4() ? "" : "[", vip.text(), vip.is_v4() ? "" : "]",
                       port == 0 ? "*" : std::to_string(port), protocol == Protocol::kTcp ? "tcp" : "udp");
}

Prefix Prefix::of(const IpAddress& address) {
    return {address, static_cast<std::uint8_t>(8 * address.wire_size())};
}

bool Prefix::holds(const Prefix& other) const {
    if (address.is_v4() != other.address.is_v4() || other.length < length)
        return false;
    const unsigned bits = length + (address.is_v4() ? 96U : 0U);
    for (unsigned bit = 0; bit < bits; ++bit) {
        const auto differ = address.bytes()[bit / 8] ^ other.address.bytes()[bit / 8];
        if ((differ & (0x80 >> bit % 8)) != 0)
            return false;
    }
    return true;
}

std::string Prefix::text() const {
    return is_address() ? address.text() : fmt::format("{}/{}", address.text(), length);
}

std::string Endpoint::text() const {
    return fmt::format(fmt::runtime(address.is_v4() ? "{}:{}" : "[{}]:{}"), address.text(), port);
}

std::string Community::text() const {
    return second ? fmt::format("{}:{}:{}", as, value, *second) : fmt::format("{}:{}", as, value);
}

Family family_of(const IpAddress& address) {
    return address.is_v4() ? Family::kIpv4 : Family::kIpv6;
}

std::vector<Family> families_of(const Peer& peer) {
    return peer.families.empty() ? std::vector{family_of(peer.address)} : peer.families;
}

std::string state_dir_of(const Config& config) {
    if (!config.state_dir.empty())
        return config.state_dir;
    return config.runtime_dir == kDefaultRuntimeDir ? kDefaultStateDir : config.runtime_dir;
}

}  // namespace guideway::config
