// SPDX-License-Identifier: Apache-2.0
#include "datapath/attachment.hpp"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstring>
#include <optional>

#include "datapath/program.hpp"

namespace guideway::datapath {

namespace {
unsigned link_interface(int link_fd) {
    bpf_link_info info{};
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(link_fd, &info, &length) != 0)
        return 0;
    return info.xdp.ifindex;
}

bool is_native(unsigned index) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    return bpf_xdp_query(static_cast<int>(index), 0, &query) == 0 && query.attach_mode == XDP_ATTACHED_DRV;
}

std::uint32_t program_id_on(unsigned index) {
    std::uint32_t id = 0;
    bpf_xdp_query_id(static_cast<int>(index), 0, &id);
    return id;
}

/// ETHTOOL_GFLAGS or ETHTOOL_SFLAGS; false if the driver refuses.
bool ask_driver(int socket, const std::string& interface, ethtool_value& flags) {
    ifreq request{};
    interface.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_data = reinterpret_cast<char*>(&flags);
    return ::ioctl(socket, SIOCETHTOOL, &request) == 0;
}

/// A driver that takes VLAN tags off frames hides them from the program, which would then take a packet of
/// any VLAN for an untagged one.
Result<void> keep_vlan_tags(const std::string& interface) {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_value flags{.cmd = ETHTOOL_GFLAGS, .data = 0};
    if (!socket || !ask_driver(socket.get(), interface, flags) || (flags.data & ETH_FLAG_RXVLAN) == 0)
        return {};
    flags.cmd = ETHTOOL_SFLAGS;
    flags.data &= ~static_cast<std::uint32_t>(ETH_FLAG_RXVLAN);
    if (!ask_driver(socket.get(), interface, flags))
        return fail(
            "attach to {}: its driver takes VLAN tags off the frames and does not stop ({}), so that packets "
            "of "
            "every VLAN would look untagged; use an interface where `ethtool -K {} rxvlan off` works",
            interface, errno_text(), interface);
    return {};
}

UniqueFd create_link(int program_fd, unsigned index, std::uint32_t flags) {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    return UniqueFd(bpf_link_create(program_fd, static_cast<int>(index), BPF_XDP, &options));
}

/// Gives the earlier agent's link the new program; nothing if there is no such link or it cannot serve.
std::optional<Attachment> replace(const Pins& pins, const std::string& interface, unsigned index,
                                  int program_fd, config::Mode mode) {
    const auto link = pins.get(link_pin_name(interface));
    if (!link || link_interface(link->get()) != index)
        return std::nullopt;
    const bool native = is_native(index);
    if ((mode == config::Mode::kNative && !native) || (mode == config::Mode::kGeneric && native))
        return std::nullopt;
    if (bpf_link_update(link->get(), program_fd, nullptr) != 0)
        return std::nullopt;
    return Attachment{.interface = interface, .native = native, .replaced = true, .fallback = {}};
}
/// Whether another mode may do where this one was refused.
bool may_fall_back(int error) {
    return error != EBUSY && error != EEXIST && error != EPERM;
}

Result<Attachment> attach_anew(const Pins& pins, const std::string& interface, unsigned index, int program_fd,
                               config::Mode mode) {
    Attachment attachment{.interface = interface, .native = false, .replaced = false, .fallback = {}};
    UniqueFd link;
    if (mode != config::Mode::kGeneric) {
        link = create_link(program_fd, index, XDP_FLAGS_DRV_MODE);
        attachment.native = static_cast<bool>(link);
        if (!link && may_fall_back(errno) && mode == config::Mode::kNative)
            return fail(
                "attach to {}: its driver refuses native XDP ({}); set datapath.mode to auto or generic",
                interface, errno_text());
        if (!link && may_fall_back(errno))
            attachment.fallback = errno_text();
    }
    if (!link && (mode == config::Mode::kGeneric || !attachment.fallback.empty()))
        link = create_link(program_fd, index, XDP_FLAGS_SKB_MODE);
    if (!link && (errno == EBUSY || errno == EEXIST))
        return fail(
            "attach to {}: another XDP program (id {}) is attached there; detach it (`ip link set dev {} xdp "
            "off`, or `bpftool link` if a link holds it)",
            interface, program_id_on(index), interface);
    if (!link)
        return bpf_failure(fmt::format("attach to {}", interface), errno);
    if (auto pinned = pins.put(link_pin_name(interface), link.get()); !pinned)
        return std::unexpected(pinned.error());
    return attachment;
}
}  // namespace

Result<MacAddress> link_address(const std::string& interface) {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    interface.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    if (!socket || ::ioctl(socket.get(), SIOCGIFHWADDR, &request) != 0)
        return fail("ask for the MAC address of {}: {}", interface, errno_text());
    MacAddress mac;
    std::memcpy(mac.bytes.data(), request.ifr_hwaddr.sa_data, mac.bytes.size());
    return mac;
}

Result<void> check_interface(const std::string& interface) {
    if (if_nametoindex(interface.c_str()) == 0)
        return fail("attach to {}: no such interface; name one that `ip link` shows", interface);
    return {};
}

Result<Attachment> attach(const Pins& pins, const std::string& interface, int program_fd, config::Mode mode) {
    if (auto present = check_interface(interface); !present)
        return std::unexpected(present.error());
    if (auto kept = keep_vlan_tags(interface); !kept)
        return std::unexpected(kept.error());
    const unsigned index = if_nametoindex(interface.c_str());
    if (auto replaced = replace(pins, interface, index, program_fd, mode))
        return *replaced;

    const bool served = is_attached(pins, interface);
    const auto old_mode = is_native(index) ? config::Mode::kNative : config::Mode::kGeneric;
    if (auto removed = detach(pins, interface); !removed)
        return std::unexpected(removed.error());
    auto attachment = attach_anew(pins, interface, index, program_fd, mode);
    if (!attachment && served)
        static_cast<void>(attach_anew(pins, interface, index, program_fd, old_mode));
    return attachment;
}

Result<void> detach(const Pins& pins, const std::string& interface) {
    if (const auto link = pins.get(link_pin_name(interface)))
        bpf_link_detach(link->get());
    return pins.remove(link_pin_name(interface));
}

Result<void> remove_everything(const Pins& pins) {
    for (const auto& interface : pins.linked_interfaces()) {
        if (auto detached = detach(pins, interface); !detached)
            return detached;
    }
    return pins.remove_all();
}

bool is_attached(const Pins& pins, const std::string& interface) {
    const auto link = pins.get(link_pin_name(interface));
    const unsigned index = if_nametoindex(interface.c_str());
    return link && index != 0 && link_interface(link->get()) == index;
}

Result<void> check_attached(const Pins& pins, const std::string& interface, int program_fd) {
    const auto link = pins.get(link_pin_name(interface));
    if (!link)
        return fail("not attached to {}: its link is not pinned any more", interface);
    bpf_link_info info{};
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(link->get(), &info, &length) != 0)
        return fail("not attached to {}: ask its link: {}", interface, errno_text());
    const unsigned index = if_nametoindex(interface.c_str());
    if (index == 0 || info.xdp.ifindex != index)
        return fail("not attached to {}: {}", interface,
                    index == 0 ? "there is no such interface" : "the program was detached from it");
    bpf_prog_info program{};
    length = sizeof(program);
    if (bpf_obj_get_info_by_fd(program_fd, &program, &length) != 0)
        return fail("not attached to {}: ask for the program's id: {}", interface, errno_text());
    if (info.prog_id != program.id)
        return fail("not attached to {}: its link runs another program (id {} instead of {})", interface,
                    info.prog_id, program.id);
    return {};
}

}  // namespace guideway::datapath
