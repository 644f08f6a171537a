// SPDX-License-Identifier: Apache-2.0
#include "net/local_address.hpp"

#include <linux/if_addr.h>

namespace guideway::net {

namespace {
Request address_request(std::uint16_t type, std::uint16_t flags, int ifindex, const IpAddress& address) {
    ifaddrmsg header{};
    header.ifa_family = address.is_v4() ? AF_INET : AF_INET6;
    header.ifa_prefixlen = static_cast<std::uint8_t>(8 * address.wire_size());
    header.ifa_flags = address.is_v4() ? 0 : IFA_F_NODAD;
    header.ifa_index = static_cast<unsigned>(ifindex);
    Request request(type, flags, header);
    request.put(IFA_LOCAL, address);
    request.put(IFA_ADDRESS, address);
    return request;
}
}  // namespace

Result<bool> add_local_address(Netlink& netlink, int ifindex, const IpAddress& address) {
    auto request = address_request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, address);
    const auto answered = netlink.talk(request);
    if (answered)
        return true;
    if (answered.error().code == EEXIST)
        return false;
    return fail("add address {}: {}", address.text(), answered.error().cause);
}

Result<void> remove_local_address(Netlink& netlink, int ifindex, const IpAddress& address) {
    auto request = address_request(RTM_DELADDR, 0, ifindex, address);
    const auto answered = netlink.talk(request);
    if (answered || answered.error().code == EADDRNOTAVAIL)
        return {};
    return fail("remove address {}: {}", address.text(), answered.error().cause);
}

}  // namespace guideway::net
