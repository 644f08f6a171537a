// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "config/model.hpp"
#include "datapath/pins.hpp"
#include "util/mac_address.hpp"

namespace guideway::datapath {

/// How a program came to its interface.
struct Attachment {
    std::string interface;
    bool native = false;
    bool replaced = false;  ///< took over the link of an earlier agent, without a gap
    std::string fallback;   ///< why it is generic although native was tried
};

/// The MAC address that the interface has now.
[[nodiscard]] Result<MacAddress> link_address(const std::string& interface);

/// Whether there is such an interface.
[[nodiscard]] Result<void> check_interface(const std::string& interface);

/// Attaches an XDP program to an interface by a pinned link, which outlives this process. An earlier agent's
/// link gets the new program atomically. The driver is told to leave VLAN tags in the frames, and stays so.
[[nodiscard]] Result<Attachment> attach(const Pins& pins, const std::string& interface, int program_fd,
                                        config::Mode mode);

/// Takes the program off the interface at once; closing a link alone would leave that to the kernel's
/// leisure.
[[nodiscard]] Result<void> detach(const Pins& pins, const std::string& interface);

/// Detaches every interface and removes all pins.
[[nodiscard]] Result<void> remove_everything(const Pins& pins);

/// Whether the pinned link still leads to its interface.
[[nodiscard]] bool is_attached(const Pins& pins, const std::string& interface);

/// Whether the pinned link runs this program on its interface. Errors: `not attached to eth0`, and why. To
/// get the program from the kernel instead would take CAP_SYS_ADMIN.
[[nodiscard]] Result<void> check_attached(const Pins& pins, const std::string& interface, int program_fd);

}  // namespace guideway::datapath
