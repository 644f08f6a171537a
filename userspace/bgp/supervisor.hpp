// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "util/result.hpp"

namespace guideway::bgp {

/// What the supervisor is started as: `PROGRAM bgp-supervisor DIRECTORY EXABGP RELAY VERSION_KNOWN`, with its
/// first connection to an agent as kPassedDescriptor.
struct SupervisorOptions {
    std::string directory;       ///< for sockets and ExaBGP's configuration; nobody else may write it
    std::string exabgp;          ///< looked up in PATH
    std::string relay_program;   ///< run by ExaBGP as `PROGRAM relay SOCKET`
    bool version_known = false;  ///< it has been asked before
};

inline constexpr const char* kSupervisorCommand = "bgp-supervisor";

/// On which an agent finds the supervisor of an earlier one.
[[nodiscard]] std::string agent_socket(const std::string& directory);

/// Whether the directory is this process's user's and nobody else may write it, so that what lies in it can
/// be trusted. Errors: why not.
[[nodiscard]] Result<void> check_directory(const std::string& directory);

/// Runs one ExaBGP, whose parent it is, between an agent and the routers, and ends with it. It outlives an
/// agent that is killed, and lets ExaBGP go on announcing what that agent said, for as long as Lease has it,
/// while the agent's links stay attached; then withdraws everything and ends.
///
/// ExaBGP ends with it: killed by it, or, if it is killed itself, by the kernel (PR_SET_PDEATHSIG, where
/// CAP_KILL permits it), the relay, and an agent that is there. It runs as the agent's user, so that ExaBGP's
/// can do nothing to it, and once ExaBGP runs with no capability but those for ending it. Takes the whole
/// process: its signals, umask, group, and standard streams.
[[nodiscard]] Result<void> run_supervisor(const SupervisorOptions& options);

}  // namespace guideway::bgp
