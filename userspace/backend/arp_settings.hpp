// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "backend/undo_list.hpp"
#include "util/result.hpp"

/// Keeps a host from answering ARP for the VIPs: on the link they belong to the balancers.
namespace guideway::backend {

/// Sets arp_ignore and arp_announce of the interface, and notes what they were.
[[nodiscard]] Result<void> silence_arp(const std::string& device, UndoList& undo);

/// Puts back what was noted of all other interfaces. Those that are gone, or are called otherwise now, stay
/// noted.
[[nodiscard]] Result<void> restore_arp_of_all_but(const std::vector<std::string>& devices, UndoList& undo);

/// Whether the interface, or all of them, keep silent about addresses of others.
[[nodiscard]] bool is_arp_silent(const std::string& device);

}  // namespace guideway::backend
