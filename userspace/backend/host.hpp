// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "backend/local_vips.hpp"
#include "backend/undo_list.hpp"
#include "config/backend_host.hpp"
#include "datapath/attachments.hpp"
#include "datapath/decap.hpp"
#include "net/netlink.hpp"
#include "util/complaint.hpp"
#include "util/exclusive_lock.hpp"
#include "util/result.hpp"

namespace guideway::backend {

/// A backend's parts in the kernel: the program that unwraps, on its interfaces, and what makes the host take
/// packets for the VIPs, without answering ARP for them. All of it outlives this object, until undo().
class Host {
  public:
    /// Makes the host what the configuration says. Errors: another process does that already; a privilege is
    /// missing.
    [[nodiscard]] static Result<std::unique_ptr<Host>> set_up(const config::BackendHost& config);

    /// Goes over to another configuration: whole, or not at all. What stays is never missing meanwhile.
    [[nodiscard]] Result<void> change_to(const config::BackendHost& next);

    /// Brings back what somebody took away.
    void repair();

    /// Takes everything away.
    [[nodiscard]] Result<void> undo();

    [[nodiscard]] const config::BackendHost& config() const { return config_; }
    [[nodiscard]] const std::vector<datapath::InterfaceState>& interfaces() const {
        return attachments_.states();
    }
    /// To whom packets may be handed on, and how.
    [[nodiscard]] Result<void> set_peers(const datapath::DecapPeers& peers) const {
        return program_->set_peers(peers);
    }
    [[nodiscard]] Result<datapath::DecapCounts> counts() const { return program_->counts(); }
    /// VIPs that this host does not take packets for.
    [[nodiscard]] std::vector<config::Prefix> missing_vips();
    /// What is wrong, a sentence each.
    [[nodiscard]] std::vector<std::string> troubles();

  private:
    Host(const config::BackendHost& config, net::Netlink netlink, ExclusiveLock lock, datapath::Pins pins);

    [[nodiscard]] Result<void> make_room_for(const config::BackendHost& next);
    [[nodiscard]] Result<void> leave_all_but(const config::BackendHost& next);
    [[nodiscard]] Result<void> set_up_kernel();
    [[nodiscard]] Result<void> silence_interfaces(const config::BackendHost& config);
    [[nodiscard]] Result<void> repair_settings();
    [[nodiscard]] Result<void> repair_pins();
    [[nodiscard]] std::vector<std::string> devices() const;
    [[nodiscard]] std::vector<std::string> devices_of(const config::BackendHost& config) const;

    config::BackendHost config_;
    net::Netlink netlink_;
    ExclusiveLock lock_;
    datapath::Pins pins_;
    UndoList undo_;
    LocalVips local_vips_{netlink_, undo_};
    std::optional<datapath::DecapProgram> program_;
    datapath::Attachments attachments_;
    Complaint settings_, vips_, pinned_;
    std::set<std::string> told_;  ///< troubles that were logged, and last
};

/// The rules of the program that unwraps.
[[nodiscard]] datapath::DecapRules rules_of(const config::BackendHost& config);

/// Undoes what a helper did that runs no more. Errors: one runs.
[[nodiscard]] Result<void> undo_backend_host(const std::string& runtime_dir, const std::string& pins);

}  // namespace guideway::backend
