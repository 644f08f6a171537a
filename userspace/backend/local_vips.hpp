// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "backend/undo_list.hpp"
#include "config/model.hpp"
#include "net/local_address.hpp"

namespace guideway::backend {

/// What makes this host take packets for the VIPs: single ones are addresses of `lo`, prefixes are local
/// routes. What a helper added is in the undo list; what was there before any helper stays.
class LocalVips {
  public:
    LocalVips(net::Netlink& netlink, UndoList& undo) : netlink_(netlink), undo_(undo) {}

    /// Errors: a prefix holds the network, or the gateway, that this host itself lives by.
    [[nodiscard]] Result<void> check(const std::vector<config::Prefix>& vips) const;

    /// Adds those that are missing.
    [[nodiscard]] Result<void> add(const std::vector<config::Prefix>& vips);
    /// Takes away what a helper added for others.
    [[nodiscard]] Result<void> keep_only(const std::vector<config::Prefix>& vips);

  private:
    [[nodiscard]] Result<bool> add_to_kernel(int loopback, const config::Prefix& vip);
    [[nodiscard]] Result<void> remove_from_kernel(int loopback, const config::Prefix& vip);
    void note(const config::Prefix& vip);
    void forget(const config::Prefix& vip);

    net::Netlink& netlink_;
    UndoList& undo_;
};

/// Those that this host does not take packets for.
[[nodiscard]] std::vector<config::Prefix> missing_vips(net::Netlink& netlink,
                                                       const std::vector<config::Prefix>& vips);

}  // namespace guideway::backend
