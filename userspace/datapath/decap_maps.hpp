// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "datapath/decap.hpp"

/// The backend's maps, by their descriptors: sets of addresses and prefixes, and the counters.
namespace guideway::datapath {

[[nodiscard]] std::vector<abi::decap_prefix> balancer_keys(const DecapRules& rules);
/// Of the VIPs that are addresses.
[[nodiscard]] std::vector<abi::address> vip_keys(const DecapRules& rules);
/// Of those that are prefixes.
[[nodiscard]] std::vector<abi::decap_prefix> vip_prefix_keys(const DecapRules& rules);

/// Errors: `update map 'decap_vips' for 192.0.2.10: cause`.
template <typename Key>
[[nodiscard]] Result<void> add_keys(int map_fd, const char* name, const std::vector<Key>& keys);
/// Deletes all others.
template <typename Key>
void keep_only_keys(int map_fd, const std::vector<Key>& keys);
/// Whether the map holds these keys, and no others.
template <typename Key>
[[nodiscard]] bool holds_exactly(int map_fd, const std::vector<Key>& keys);
template <typename Key>
[[nodiscard]] std::vector<Key> keys_in(int map_fd);

[[nodiscard]] config::Prefix prefix_of(const abi::decap_prefix& key);
[[nodiscard]] Result<DecapCounts> read_decap_counts(int map_fd);

}  // namespace guideway::datapath
