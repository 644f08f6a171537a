// SPDX-License-Identifier: Apache-2.0
#include "api/link_state.hpp"

#include "datapath/attachment.hpp"
#include "net/interface.hpp"

namespace guideway::api {

void look_at_links(std::vector<InterfaceSnapshot>& interfaces) {
    auto netlink = net::Netlink::open();
    if (!netlink)
        return;
    for (auto& interface : interfaces) {
        const auto& device = interface.device.empty() ? interface.name : interface.device;
        const auto found = net::interface_named(*netlink, device);
        if (found)
            interface.link = {.up = found->carrier,
                              .native = datapath::is_native(static_cast<unsigned>(found->index)),
                              .mtu = found->mtu};
    }
}

void add_links(Families& families, const std::vector<InterfaceSnapshot>& interfaces) {
    auto up = gauge("guideway_interface_link_up", "1 if the interface is there, up, and has a carrier.");
    auto native = gauge("guideway_interface_native",
                        "1 if the interface's driver runs the program, 0 if the kernel's generic path does.");
    auto mtu = gauge("guideway_interface_mtu_bytes", "The interface's MTU.");
    for (const auto& interface : interfaces) {
        const Labels labels{{"interface", interface.name}};
        up.add(labels, interface.link && interface.link->up ? 1 : 0);
        if (!interface.link)
            continue;
        if (interface.attached)
            native.add(labels, interface.link->native ? 1 : 0);
        mtu.add(labels, interface.link->mtu);
    }
    families.insert(families.end(), {up, native, mtu});
}

}  // namespace guideway::api
