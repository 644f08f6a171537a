// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "util/result.hpp"

namespace guideway::bgp {

/// The sections of ExaBGP's configuration file, by peer. They hold passwords.
using Neighbors = std::map<IpAddress, std::string>;

/// The address from which the kernel reaches the peer. Errors: `no route to ADDRESS: cause`.
[[nodiscard]] Result<IpAddress> source_towards(const IpAddress& peer);

/// The peer's section, with this balancer's identifier and this end's address; its API is that of
/// exabgp_config().
[[nodiscard]] std::string neighbor_section(const config::Bgp& bgp, const config::Peer& peer,
                                           const IpAddress& router_id, const IpAddress& local);

/// ExaBGP 4.2's configuration file; its API process is `relay_command`.
[[nodiscard]] std::string exabgp_config(const Neighbors& neighbors, const std::string& relay_command);

/// Its settings, `NAME=VALUE` each, beside which it needs PATH alone.
[[nodiscard]] std::vector<std::string> exabgp_environment(const std::string& user);

}  // namespace guideway::bgp
