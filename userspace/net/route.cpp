// SPDX-License-Identifier: Apache-2.0
#include "net/route.hpp"

#include "net/attributes.hpp"

namespace guideway::net {

namespace {
/// The kernel answers with an error number where the matching route has a type that forwards nothing.
std::string explain(const Refusal& refusal) {
    switch (refusal.code) {
        case ENETUNREACH:
            return "network is unreachable";
        case EHOSTUNREACH:
            return "an 'unreachable' route covers it";
        case EINVAL:
            return "a 'blackhole' route covers it";
        case EACCES:
            return "a 'prohibit' route covers it";
        default:
            return refusal.cause;
    }
}

std::optional<IpAddress> gateway_of(const Attributes& attributes) {
    const nlattr* via = attributes[RTA_VIA];
    if (!via)
        return attributes.address(RTA_GATEWAY);
    const auto& other_family = *static_cast<const rtvia*>(mnl_attr_get_payload(via));
    return IpAddress::from_network(other_family.rtvia_addr, other_family.rtvia_family == AF_INET);
}

struct TypedRoute {
    Route route;
    unsigned type = RTN_UNSPEC;
};

TypedRoute read_route(const nlmsghdr& message) {
    const auto& header = *static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
    const Attributes attributes(message, sizeof(header));
    return {.route = {.ifindex = static_cast<int>(attributes.number(RTA_OIF).value_or(0)),
                      .gateway = gateway_of(attributes),
                      .source = attributes.address(RTA_PREFSRC),
                      .mtu = Attributes(attributes[RTA_METRICS]).number(RTAX_MTU),
                      .advmss = Attributes(attributes[RTA_METRICS]).number(RTAX_ADVMSS),
                      .local = header.rtm_type == RTN_LOCAL},
            .type = header.rtm_type};
}
}  // namespace

Result<Route> route_to(Netlink& netlink, const IpAddress& destination) {
    rtmsg header{};
    header.rtm_family = destination.is_v4() ? AF_INET : AF_INET6;
    header.rtm_dst_len = static_cast<unsigned char>(8 * destination.wire_size());
    Request request(RTM_GETROUTE, 0, header);
    request.put(RTA_DST, destination);
    TypedRoute found;
    const auto answered =
        netlink.talk(request, [&](const nlmsghdr& message) { found = read_route(message); });
    if (!answered)
        return fail("no route to {}: {}", destination.text(), explain(answered.error()));
    if (found.type != RTN_UNICAST && found.type != RTN_LOCAL)
        return fail("no route to {}: it is no host's own address here (route type {})", destination.text(),
                    found.type);
    return found.route;
}

AddressRange destinations_of(const nlmsghdr& message) {
    const auto& header = *static_cast<const rtmsg*>(mnl_nlmsg_get_payload(&message));
    const bool v4 = header.rtm_family == AF_INET;
    constexpr IpAddress::Bytes kUnspecified{};
    const IpAddress first = Attributes(message, sizeof(header))
                                .address(RTA_DST)
                                .value_or(IpAddress::from_network(kUnspecified.data(), v4));
    IpAddress::Bytes last = first.bytes();
    for (std::size_t bit = (v4 ? 96U : 0U) + header.rtm_dst_len; bit < 8 * last.size(); ++bit)
        last[bit / 8] |= static_cast<std::uint8_t>(0x80 >> bit % 8);
    return {first, IpAddress(last)};
}

}  // namespace guideway::net
