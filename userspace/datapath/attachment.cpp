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

#include "datapath/program.hpp"

namespace guideway::datapath {

namespace {
std::uint32_t program_id_on(unsigned index) {
    std::uint32_t id = 0;
    bpf_xdp_query_id(static_cast<int>(index), 0, &id);
    return id;
}

/// The name of a program; empty if this process may not look (CAP_SYS_ADMIN).
std::string name_of_program(std::uint32_t id) {
    const UniqueFd program(bpf_prog_get_fd_by_id(id));
    bpf_prog_info info{};
    std::uint32_t length = sizeof(info);
    if (!program || bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0)
        return {};
    return info.name;
}

/// The link that has this program on the interface; 0 if none does, or if this process may not look. Other
/// network namespaces' links are seen as well, and have the same indexes.
std::uint32_t link_id_of(std::uint32_t program, unsigned index) {
    std::uint32_t id = 0;
    while (bpf_link_get_next_id(id, &id) == 0) {
        const UniqueFd link(bpf_link_get_fd_by_id(id));
        const auto facts = link ? facts_of_link(link.get()) : LinkFacts{};
        if (facts.index == index && facts.program == program)
            return id;
    }
    return 0;
}

/// Whose program it is, as far as that can be seen, and how it is taken away.
std::unexpected<Error> taken(const std::string& interface, unsigned index) {
    const auto program = program_id_on(index);
    const auto link = link_id_of(program, index);
    const auto name = name_of_program(program);
    const std::string whose =
        name == "guideway" ? "a program of another guideway's, with other `pins`," : "another XDP program";
    if (link != 0)
        return fail(
            "attach to {}: {} (id {}) is attached there by link {}; detach it (`bpftool link detach id {}`)",
            interface, whose, program, link, link);
    return fail(
        "attach to {}: {} (id {}) is attached there; detach it (`ip link set dev {} xdp off`, or `bpftool "
        "link "
        "detach` if a link holds it)",
        interface, whose, program, interface);
}

/// ETHTOOL_GFLAGS or ETHTOOL_SFLAGS; false if the driver refuses.
bool ask_driver(int socket, const std::string& interface, ethtool_value& flags) {
    ifreq request{};
    interface.copy(request.ifr_name, sizeof(request.ifr_name) - 1);
    request.ifr_data = reinterpret_cast<char*>(&flags);
    return ::ioctl(socket, SIOCETHTOOL, &request) == 0;
}

UniqueFd create_link(int program_fd, unsigned index, std::uint32_t flags) {
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    return UniqueFd(bpf_link_create(program_fd, static_cast<int>(index), BPF_XDP, &options));
}

/// Whether another mode may do where this one was refused.
bool may_fall_back(int error) {
    return error != EBUSY && error != EEXIST && error != EPERM;
}
}  // namespace

LinkFacts facts_of_link(int link_fd) {
    bpf_link_info info{};
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(link_fd, &info, &length) != 0 || info.type != BPF_LINK_TYPE_XDP ||
        info.xdp.ifindex == 0)
        return {};
    return {.id = info.id, .program = info.prog_id, .index = info.xdp.ifindex};
}

std::uint32_t id_of_program(int program_fd) {
    bpf_prog_info info{};
    std::uint32_t length = sizeof(info);
    return bpf_obj_get_info_by_fd(program_fd, &info, &length) == 0 ? info.id : 0;
}

bool is_native(unsigned index) {
    LIBBPF_OPTS(bpf_xdp_query_opts, query);
    return bpf_xdp_query(static_cast<int>(index), 0, &query) == 0 && query.attach_mode == XDP_ATTACHED_DRV;
}

bool serves_as(config::Mode wanted, bool native) {
    return wanted == config::Mode::kAuto || (wanted == config::Mode::kNative) == native;
}

Result<void> check_free(const std::string& interface, unsigned index) {
    if (program_id_on(index) == 0)
        return {};
    return taken(interface, index);
}

Result<bool> keep_vlan_tags(const std::string& device) {
    const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ethtool_value flags{.cmd = ETHTOOL_GFLAGS, .data = 0};
    if (!socket || !ask_driver(socket.get(), device, flags) || (flags.data & ETH_FLAG_RXVLAN) == 0)
        return false;
    flags.cmd = ETHTOOL_SFLAGS;
    flags.data &= ~static_cast<std::uint32_t>(ETH_FLAG_RXVLAN);
    if (!ask_driver(socket.get(), device, flags))
        return fail(
            "attach to {}: its driver takes VLAN tags off the frames and does not stop ({}), so that packets "
            "of "
            "every VLAN would look untagged; use an interface where `ethtool -K {} rxvlan off` works",
            device, errno_text(), device);
    return true;
}

Result<MadeLink> make_link(const std::string& interface, unsigned index, int program_fd, config::Mode mode) {
    MadeLink made;
    made.link.index = index;
    if (mode != config::Mode::kGeneric) {
        made.link.fd = create_link(program_fd, index, XDP_FLAGS_DRV_MODE);
        made.link.native = static_cast<bool>(made.link.fd);
        if (!made.link.fd && may_fall_back(errno) && mode == config::Mode::kNative)
            return fail(
                "attach to {}: its driver refuses native XDP ({}); set datapath.mode to auto or generic",
                interface, errno_text());
        if (!made.link.fd && may_fall_back(errno))
            made.fallback = errno_text();
    }
    if (!made.link.fd && (mode == config::Mode::kGeneric || !made.fallback.empty()))
        made.link.fd = create_link(program_fd, index, XDP_FLAGS_SKB_MODE);
    if (!made.link.fd && (errno == EBUSY || errno == EEXIST))
        return taken(interface, index);
    if (!made.link.fd)
        return bpf_failure(fmt::format("attach to {}", interface), errno);
    return made;
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
    return link && facts_of_link(link->get()).index != 0;
}

}  // namespace guideway::datapath
