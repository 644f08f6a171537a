// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>
#include <string>
#include <vector>

#include "config/model.hpp"
#include "util/ip_address.hpp"
#include "util/result.hpp"

namespace guideway::backend {

struct BackendHostOptions {
    std::string interface;
    std::vector<IpAddress> vips;
    std::vector<config::Prefix> balancers;
    std::string runtime_dir;
    std::string pins;
    bool detach_on_exit = false;
};

/// Makes this host a backend, and keeps it one until SIGTERM or SIGINT: packets that the balancers wrapped
/// for the VIPs are unwrapped on the interface, and the VIPs are addresses of `lo` that are not answered for
/// by ARP. Decap and VIPs stay when the process ends, unless detach_on_exit.
[[nodiscard]] Result<void> run_backend_host(const BackendHostOptions& options);

/// The signal that has it end as with detach_on_exit.
inline constexpr int kUndoAndEnd = SIGUSR1;

/// Undoes what a helper did that runs no more. Errors: one runs.
[[nodiscard]] Result<void> undo_backend_host(const std::string& runtime_dir, const std::string& pins);

}  // namespace guideway::backend
