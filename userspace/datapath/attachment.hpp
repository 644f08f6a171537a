// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/model.hpp"
#include "datapath/pins.hpp"

namespace guideway::datapath {

/// How a program came to its interface.
struct Attachment {
    std::string interface;
    bool native = false;
    bool replaced = false;  ///< took over the link of an earlier agent, without a gap
    std::string fallback;   ///< why it is generic although native was tried
};

/// A BPF link that attaches an XDP program to an interface. The kernel keeps the attachment while the link is
/// open or pinned: who has it open need not fear for its pin.
struct Link {
    UniqueFd fd;
    unsigned index = 0;  ///< the interface's
    bool native = false;
};

/// What the kernel says of a link; all are 0 once it was detached or its interface has vanished.
struct LinkFacts {
    std::uint32_t id = 0;
    std::uint32_t program = 0;
    unsigned index = 0;
};

[[nodiscard]] LinkFacts facts_of_link(int link_fd);
[[nodiscard]] std::uint32_t id_of_program(int program_fd);
[[nodiscard]] bool is_native(unsigned index);
/// Whether a link in one of these modes may serve where `wanted` is configured.
[[nodiscard]] bool serves_as(config::Mode wanted, bool native);

/// Whether no XDP program is attached there. Errors: whose it is, as far as that can be seen, and how it is
/// taken away.
[[nodiscard]] Result<void> check_free(const std::string& interface, unsigned index);

/// A driver that takes VLAN tags off frames hides them from the program, which would then take a packet of
/// any VLAN for an untagged one. It is told to leave them, and stays so; false if it did already.
[[nodiscard]] Result<bool> keep_vlan_tags(const std::string& device);

/// Attaches an XDP program to the interface of that index, in this mode or, with `auto`, in the better one
/// that its driver takes. `interface` is its name in messages.
struct MadeLink {
    Link link;
    std::string fallback;  ///< why it is generic although native was tried
};
[[nodiscard]] Result<MadeLink> make_link(const std::string& interface, unsigned index, int program_fd,
                                         config::Mode mode);

/// Takes the program off the interface at once; closing and unpinning a link would leave that to the kernel's
/// leisure.
[[nodiscard]] Result<void> detach(const Pins& pins, const std::string& interface);

/// Detaches every interface and removes all pins.
[[nodiscard]] Result<void> remove_everything(const Pins& pins);

/// Whether the pinned link still leads to an interface, whatever that is called now.
[[nodiscard]] bool is_attached(const Pins& pins, const std::string& interface);

}  // namespace guideway::datapath
