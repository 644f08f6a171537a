// SPDX-License-Identifier: Apache-2.0
#include "net/local_address.hpp"

#include <linux/if_addr.h>

#include "net/attributes.hpp"

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

Request route_request(std::uint16_t type, std::uint16_t flags, int ifindex, const IpAddress& address,
                      std::uint8_t length) {
    rtmsg header{};
    header.rtm_family = address.is_v4() ? AF_INET : AF_INET6;
    header.rtm_dst_len = length;
    header.rtm_table = RT_TABLE_LOCAL;
    header.rtm_protocol = RTPROT_STATIC;
    header.rtm_scope = address.is_v4() ? RT_SCOPE_HOST : RT_SCOPE_UNIVERSE;
    header.rtm_type = RTN_LOCAL;
    Request request(type, flags, header);
    request.put(RTA_DST, address);
    request.put(RTA_OIF, static_cast<std::uint32_t>(ifindex));
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

Result<std::vector<OwnAddress>> own_addresses(Netlink& netlink) {
    std::vector<OwnAddress> addresses;
    Request request(RTM_GETADDR, NLM_F_DUMP, ifaddrmsg{});
    const auto answered = netlink.talk(request, [&](const nlmsghdr& message) {
        const auto& header = *static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(&message));
        const Attributes attributes(message, sizeof(header));
        const auto local = attributes.address(IFA_LOCAL);
        const auto address = local ? local : attributes.address(IFA_ADDRESS);
        if (address)
            addresses.push_back({static_cast<int>(header.ifa_index), *address, header.ifa_prefixlen});
    });
    if (!answered)
        return fail("list the addresses of this host: {}", answered.error().cause);
    return addresses;
}

Result<bool> add_local_route(Netlink& netlink, int ifindex, const IpAddress& address, std::uint8_t length) {
    auto request = route_request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, ifindex, address, length);
    const auto answered = netlink.talk(request);
    if (answered)
        return true;
    if (answered.error().code == EEXIST)
        return false;
    return fail("add local route {}/{}: {}", address.text(), length, answered.error().cause);
}

Result<void> remove_local_route(Netlink& netlink, int ifindex, const IpAddress& address,
                                std::uint8_t length) {
    auto request = route_request(RTM_DELROUTE, 0, ifindex, address, length);
    const auto answered = netlink.talk(request);
    if (answered || answered.error().code == ESRCH)
        return {};
    return fail("remove local route {}/{}: {}", address.text(), length, answered.error().cause);
}

}  // namespace guideway::net
