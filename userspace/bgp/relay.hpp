// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "util/result.hpp"

namespace guideway::bgp {

/// What ExaBGP runs as its API process: carries lines between it (standard input and output) and the agent's
/// socket. An empty line of the agent is its heartbeat. When the agent is gone, or silent for ten seconds,
/// ExaBGP is killed, so that nothing is announced that nobody looks after. Returns when ExaBGP has ended.
[[nodiscard]] Result<void> run_relay(const std::string& socket_path);

}  // namespace guideway::bgp
