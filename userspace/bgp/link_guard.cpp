// SPDX-License-Identifier: Apache-2.0
#include "bgp/link_guard.hpp"

#include <bpf/bpf.h>
#include <linux/bpf.h>

#include "util/unique_fd.hpp"

namespace guideway::bgp {

Result<void> check_link(const std::string& pin) {
    // Held for this moment only: it would keep the program attached that somebody unpins.
    const UniqueFd link(bpf_obj_get(pin.c_str()));
    if (!link)
        return fail("open pin {}: {}", pin, errno_text());
    bpf_link_info info{};
    std::uint32_t length = sizeof(info);
    if (bpf_obj_get_info_by_fd(link.get(), &info, &length) != 0)
        return fail("ask link {}: {}", pin, errno_text());
    if (info.type != BPF_LINK_TYPE_XDP || info.xdp.ifindex == 0)
        return fail("link {}: the program was detached", pin);
    return {};
}

Result<void> check_links(const std::vector<std::string>& pins) {
    for (const auto& pin : pins)
        if (auto checked = check_link(pin); !checked)
            return checked;
    return {};
}

}  // namespace guideway::bgp
