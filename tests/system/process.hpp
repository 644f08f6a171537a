// SPDX-License-Identifier: Apache-2.0
// What the tests' programs need of their process and of the network.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "util/result.hpp"
#include "util/unique_fd.hpp"

namespace guideway {

/// From now on the kernel ends this process when its parent ends.
void die_with_parent();

/// Readable once the process is told to end, by SIGTERM or SIGINT.
[[nodiscard]] UniqueFd end_signal();

[[nodiscard]] bool is_readable(const UniqueFd& fd);

/// Makes room for so many open files.
[[nodiscard]] Result<void> raise_file_limit(std::uint64_t files);

/// An address and a port, as the socket calls want them.
struct Endpoint {
    sockaddr_storage address{};
    socklen_t length = 0;

    [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }
    [[nodiscard]] bool is_v4() const { return address.ss_family == AF_INET; }
};

[[nodiscard]] Result<Endpoint> make_endpoint(const std::string& address, std::uint16_t port);

}  // namespace guideway
