// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "util/result.hpp"

namespace guideway::bgp {

/// What ExaBGP runs as its API process: carries lines between it (standard input and output) and its
/// supervisor's socket. An empty line of the supervisor is its heartbeat, and nothing else proves that its
/// loop turns. When the supervisor is gone, or its heart has not beaten for ten seconds, ExaBGP is killed, so
/// that nothing is announced that nobody looks after. Returns when ExaBGP has ended.
///
/// After an upgrade ExaBGP may run one of another version than its supervisor is: that much stays as it is.
[[nodiscard]] Result<void> run_relay(const std::string& socket_path);

}  // namespace guideway::bgp
