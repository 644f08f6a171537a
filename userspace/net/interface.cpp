// SPDX-License-Identifier: Apache-2.0
#include "net/interface.hpp"

#include <linux/if.h>
#include <linux/if_arp.h>
#include <netinet/in.h>

#include <map>

#include "net/attributes.hpp"

namespace guideway::net {

namespace {
std::optional<Vlan> vlan_in(const Attributes& link) {
    const Attributes info(link[IFLA_LINKINFO]);
    if (info.text(IFLA_INFO_KIND) != "vlan")
        return std::nullopt;
    const Attributes data(info[IFLA_INFO_DATA]);
    return Vlan{.id = data.short_number(IFLA_VLAN_ID).value_or(0),
                .protocol = ntohs(data.short_number(IFLA_VLAN_PROTOCOL).value_or(0)),
                .below = static_cast<int>(link.number(IFLA_LINK).value_or(0))};
}

/// Devices that take frames of the interface below them to MAC addresses of their own, and for this host: a
/// VLAN's, and a macvlan (as keepalived makes for a virtual router). A macvtap's are for a guest.
bool shares_frames(const Attributes& link) {
    const auto kind = Attributes(link[IFLA_LINKINFO]).text(IFLA_INFO_KIND);
    return (kind == "vlan" || kind == "macvlan") && link[IFLA_LINK_NETNSID] == nullptr;
}

std::expected<Interface, Refusal> ask(Netlink& netlink, Request& request) {
    Interface interface;
    const auto answered = netlink.talk(request, [&](const nlmsghdr& message) {
        const auto& header = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
        const Attributes attributes(message, sizeof(header));
        interface.index = header.ifi_index;
        interface.name = attributes.text(IFLA_IFNAME).value_or("");
        if (header.ifi_type == ARPHRD_ETHER)
            interface.mac = attributes.mac(IFLA_ADDRESS);
        interface.mtu = attributes.number(IFLA_MTU).value_or(0);
        interface.up = header.ifi_flags & IFF_UP;
        interface.carrier = header.ifi_flags & IFF_LOWER_UP;
        interface.vlan = vlan_in(attributes);
    });
    if (!answered)
        return std::unexpected(answered.error());
    return interface;
}
}  // namespace

Result<Interface> interface_named(Netlink& netlink, const std::string& name) {
    if (name.empty() || name.size() >= IFNAMSIZ)
        return fail("no interface {}: a name has 1 to {} characters", name, IFNAMSIZ - 1);
    Request request(RTM_GETLINK, 0, ifinfomsg{});
    request.put(IFLA_IFNAME, name);
    auto interface = ask(netlink, request);
    if (!interface)
        return fail("no interface {}: {}; name one that `ip link` shows", name, interface.error().cause);
    return *std::move(interface);
}

Result<Interface> interface_at(Netlink& netlink, int index) {
    ifinfomsg header{};
    header.ifi_index = index;
    Request request(RTM_GETLINK, 0, header);
    auto interface = ask(netlink, request);
    if (!interface)
        return fail("no interface with index {}: {}", index, interface.error().cause);
    return *std::move(interface);
}

Result<std::vector<MacAddress>> link_addresses(Netlink& netlink, int index) {
    struct Device {
        int below = 0;  ///< 0: it stands on no other, or takes no frames of it for this host
        std::optional<MacAddress> mac;
    };
    std::map<int, Device> devices;
    Request request(RTM_GETLINK, NLM_F_DUMP, ifinfomsg{});
    const auto answered = netlink.talk(request, [&](const nlmsghdr& message) {
        const auto& header = *static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(&message));
        const Attributes attributes(message, sizeof(header));
        auto& device = devices[header.ifi_index];
        device.mac = attributes.mac(IFLA_ADDRESS);
        if (shares_frames(attributes))
            device.below = static_cast<int>(attributes.number(IFLA_LINK).value_or(0));
    });
    if (!answered)
        return fail("list interfaces: {}", answered.error().cause);
    std::vector<MacAddress> addresses;
    for (const auto& [at, device] : devices) {
        int bottom = at;
        for (std::size_t steps = 0; bottom != index && steps < devices.size(); ++steps)
            bottom = devices.contains(bottom) ? devices.at(bottom).below : 0;
        if (bottom == index && device.mac)
            addresses.push_back(*device.mac);
    }
    return addresses;
}

}  // namespace guideway::net
