// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "util/result.hpp"
#include "util/unique_fd.hpp"

namespace guideway::bgp {

/// Whom a process runs as.
struct User {
    std::string name;
    uid_t uid = 0;
    gid_t gid = 0;
};

/// The user of that name; nothing if there is none.
[[nodiscard]] std::optional<User> find_user(const std::string& name);
/// The user this process runs as.
[[nodiscard]] User own_user();
/// Whether the mode bits on the way there let the user execute the file.
[[nodiscard]] bool can_execute(const User& user, const std::string& path);

struct ChildOptions {
    std::vector<std::string> arguments;
    std::vector<std::string> environment;
    std::string program{};     ///< looked up in PATH; empty: the first argument
    std::optional<User> user;  ///< nothing: this process's
    /// Nothing: it dies with this process, by SIGKILL, if that has CAP_KILL or is of the same user, and
    /// writes into one pipe. Otherwise it outlives this process, in a session of its own, has this descriptor
    /// as its kPassedDescriptor, and writes where this process does.
    std::optional<int> passed;
};

inline constexpr int kPassedDescriptor = 3;

/// Has a process end, whatever state it is in: as its own user where this one may not signal it. That takes
/// CAP_SETUID, which it took to start it, and not CAP_KILL.
void kill_process(int pidfd, uid_t user);

/// A child process, killed when this is destroyed. It reads nothing, inherits no other descriptor, and no
/// program that it executes gets more privileges than it has.
class Child {
  public:
    /// Errors: `run PROGRAM: cause`.
    [[nodiscard]] static Result<std::unique_ptr<Child>> spawn(boost::asio::io_context& loop,
                                                              const ChildOptions& options);
    ~Child();

    [[nodiscard]] pid_t pid() const { return pid_; }
    void kill() const;
    /// It lives on when this is destroyed.
    void disown() { disowned_ = true; }
    /// Its standard output and error; closed if it has none of its own.
    [[nodiscard]] boost::asio::posix::stream_descriptor& output() { return output_; }

    /// Until it has ended.
    [[nodiscard]] boost::asio::awaitable<void> gone();
    /// The same, and lets go of it: how it did (`exit status 1`, `signal 9 (Killed)`).
    [[nodiscard]] boost::asio::awaitable<std::string> ended();

  private:
    Child(boost::asio::io_context& loop, pid_t pid, uid_t user, int pidfd, UniqueFd output);

    pid_t pid_;
    uid_t user_;
    bool reaped_ = false;
    bool disowned_ = false;
    mutable boost::asio::posix::stream_descriptor pidfd_;
    boost::asio::posix::stream_descriptor output_;
};

}  // namespace guideway::bgp
