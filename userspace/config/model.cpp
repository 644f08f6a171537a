// SPDX-License-Identifier: Apache-2.0
#include "config/model.hpp"

#include <fmt/format.h>

namespace guideway::config {

std::string Listener::text() const {
    return fmt::format("{}{}{}:{}/{}", vip.is_v4() ? "" : "[", vip.text(), vip.is_v4() ? "" : "]",
                       port == 0 ? "*" : std::to_string(port), protocol == Protocol::kTcp ? "tcp" : "udp");
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
