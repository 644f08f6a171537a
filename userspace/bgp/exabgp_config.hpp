// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "util/result.hpp"

namespace guideway::bgp {

/// Each peer's this end.
using LocalAddresses = std::map<IpAddress, IpAddress>;

/// The address from which the kernel reaches the peer. Errors: `no route to ADDRESS: cause`.
[[nodiscard]] Result<IpAddress> source_towards(const IpAddress& peer);

/// ExaBGP 4.2's configuration file: the peers that have a local address, each with the API towards
/// `relay_command`. It holds passwords.
[[nodiscard]] std::string exabgp_config(const config::Bgp& bgp, const LocalAddresses& local,
                                        const std::string& relay_command);

/// Its settings, `NAME=VALUE` each, beside which it needs PATH alone.
[[nodiscard]] std::vector<std::string> exabgp_environment(const std::string& user);

}  // namespace guideway::bgp
