// SPDX-License-Identifier: Apache-2.0
#include "net/neighbour.hpp"

#include <linux/neighbour.h>

#include "net/attributes.hpp"

namespace guideway::net {

namespace {
ndmsg header_for(const NeighbourId& id) {
    ndmsg header{};
    header.ndm_family = id.address.is_v4() ? AF_INET : AF_INET6;
    header.ndm_ifindex = id.ifindex;
    return header;
}

NeighbourState state_of(unsigned nud) {
    if (nud & NUD_FAILED)
        return NeighbourState::kFailed;
    if (nud & NUD_STALE)
        return NeighbourState::kStale;
    if (nud & (NUD_REACHABLE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP))
        return NeighbourState::kFresh;
    return NeighbourState::kResolving;
}

Neighbour read_neighbour(const ndmsg& header, const Attributes& attributes) {
    const NeighbourState state = state_of(header.ndm_state);
    if (state != NeighbourState::kStale && state != NeighbourState::kFresh)
        return {.state = state, .mac = std::nullopt};
    const auto mac = attributes.mac(NDA_LLADDR);
    return {.state = mac ? state : NeighbourState::kResolving, .mac = mac};
}
}  // namespace

std::expected<Neighbour, Refusal> look_up(Netlink& netlink, const NeighbourId& id) {
    Request request(RTM_GETNEIGH, 0, header_for(id));
    request.put(NDA_DST, id.address);
    Neighbour found;
    const auto answered = netlink.talk(request, [&](const nlmsghdr& message) {
        if (const auto announcement = neighbour_in(message))
            found = announcement->neighbour;
    });
    if (!answered && answered.error().code != ENOENT)
        return std::unexpected(answered.error());
    return found;
}

std::expected<void, Refusal> solicit(Netlink& netlink, const NeighbourId& id) {
    ndmsg header = header_for(id);
    header.ndm_flags = NTF_USE;
    Request request(RTM_NEWNEIGH, NLM_F_CREATE, header);
    request.put(NDA_DST, id.address);
    auto answered = netlink.talk(request);
    if (!answered && answered.error().code == ENOBUFS)
        answered.error().cause =
            fmt::format("the kernel's neighbour table is full (raise net.{}.neigh.default.gc_thresh3)",
                        id.address.is_v4() ? "ipv4" : "ipv6");
    return answered;
}

std::optional<NeighbourAnnouncement> neighbour_in(const nlmsghdr& message) {
    const auto& header = *static_cast<const ndmsg*>(mnl_nlmsg_get_payload(&message));
    if (header.ndm_family != AF_INET && header.ndm_family != AF_INET6)
        return std::nullopt;
    const Attributes attributes(message, sizeof(header));
    const auto address = attributes.address(NDA_DST);
    if (!address)
        return std::nullopt;
    NeighbourAnnouncement announcement{.id = {header.ndm_ifindex, *address}, .neighbour = {}};
    if (message.nlmsg_type != RTM_DELNEIGH)
        announcement.neighbour = read_neighbour(header, attributes);
    return announcement;
}

}  // namespace guideway::net
