// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <linux/rtnetlink.h>

#include <expected>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "net/request.hpp"
#include "util/result.hpp"

namespace guideway::net {

/// Why the kernel refused.
struct Refusal {
    int code = 0;       ///< errno
    std::string cause;  ///< its text, and the kernel's own explanation where it gives one
};

/// An rtnetlink socket: for requests, or for what the kernel announces. It belongs to the network namespace
/// it was opened in.
class Netlink {
  public:
    using Handler = std::function<void(const nlmsghdr&)>;

    /// A socket for requests.
    [[nodiscard]] static Result<Netlink> open();
    /// A socket that receives what the kernel announces to `groups`; it never blocks.
    [[nodiscard]] static Result<Netlink> subscribe(std::span<const rtnetlink_groups> groups);

    /// Sends the request and waits for the whole answer; each message of it goes to `on_reply`.
    [[nodiscard]] std::expected<void, Refusal> talk(
        Request& request, const Handler& on_reply = [](const nlmsghdr&) {});

    /// Reads one datagram of announcements; each message of it goes to `on_message`. False if none is
    /// waiting. ENOBUFS: announcements came faster than they were read, and some are lost.
    [[nodiscard]] std::expected<bool, Refusal> receive(const Handler& on_message);

    [[nodiscard]] int fd() const { return mnl_socket_get_fd(socket_.get()); }

  private:
    struct Close {
        void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
    };

    explicit Netlink(mnl_socket* socket);
    [[nodiscard]] static Result<Netlink> open_with(int flags);
    [[nodiscard]] std::size_t keep_answers(std::size_t size);

    std::unique_ptr<mnl_socket, Close> socket_;
    std::vector<char> buffer_;
    unsigned sequence_ = 0;
};

}  // namespace guideway::net
