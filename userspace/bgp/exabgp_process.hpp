// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <string>

#include "bgp/child.hpp"
#include "bgp/exabgp_config.hpp"

namespace guideway::bgp {

/// ExaBGP's files and command line.
struct ExabgpPlace {
    std::string directory;
    std::string program;        ///< looked up in PATH
    std::string relay_program;  ///< runs as its API process: `PROGRAM relay SOCKET`
    User user;                  ///< whom it runs as
};

/// `exabgp` where there is such a user who can reach what it needs; this process's user otherwise.
[[nodiscard]] User choose_exabgp_user(const std::string& directory, const std::string& relay_program);

/// Where its API process finds the supervisor.
[[nodiscard]] std::string relay_socket(const std::string& directory);

/// Its configuration file: readable for its user's group, never seen half written. The directory must be this
/// process's. Errors: `write FILE: cause`.
[[nodiscard]] Result<void> write_exabgp_config(const ExabgpPlace& place, const Neighbors& neighbors);

/// Asks `PROGRAM --version`, for ten seconds at most: why it will not do; empty if it will.
[[nodiscard]] boost::asio::awaitable<std::string> check_exabgp_version(boost::asio::io_context& loop,
                                                                       const ExabgpPlace& place);

[[nodiscard]] Result<std::unique_ptr<Child>> spawn_exabgp(boost::asio::io_context& loop,
                                                          const ExabgpPlace& place);

/// Reads what it writes until it ends: how it did, and the last line, which usually names the cause.
[[nodiscard]] boost::asio::awaitable<std::string> run_to_end(Child& exabgp);

}  // namespace guideway::bgp
