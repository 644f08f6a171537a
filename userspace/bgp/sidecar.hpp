// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bgp/child.hpp"
#include "bgp/line_socket.hpp"
#include "bgp/supervisor_message.hpp"
#include "util/unique_fd.hpp"

namespace guideway::bgp {

/// What ExaBGP and its supervisor do without being asked. Called on the loop.
struct SidecarEvents {
    /// A supervisor is there, with an ExaBGP of an earlier agent that has these routes, or without one: then
    /// it is started by configure().
    std::function<void(const Hello&, const std::vector<Held>&)> came;
    std::function<void(bool)> hearing;                   ///< whether commands are heard from now on
    std::function<void(const std::string&)> line;        ///< ExaBGP said this
    std::function<void(const std::string&)> configured;  ///< the answer to a later configure(): an error
    std::function<void(const std::string&)> ended;       ///< ExaBGP did, or did not start, for this reason
};

struct SidecarOptions {
    std::string directory;  ///< made where it is missing; nobody else may write the one that it is in
    std::string exabgp = "exabgp";
    std::string relay_program;  ///< what ExaBGP runs; its path as it was when this process started
    bool may_adopt = true;      ///< an ExaBGP of an earlier agent, if there is one; otherwise it is ended
    SidecarEvents events;
};

/// ExaBGP under its supervisor, as the agent sees it: the one of an earlier agent taken over, or a new one
/// started; started again with backoff when it ends.
class Sidecar : public std::enable_shared_from_this<Sidecar> {
  public:
    [[nodiscard]] static std::shared_ptr<Sidecar> start(boost::asio::io_context& loop,
                                                        SidecarOptions options);

    /// Ends a supervisor that an earlier agent left in the directory, where nobody wants one.
    static void end_leftover(boost::asio::io_context& loop, const std::string& directory);

    /// The first time it starts ExaBGP; later configured() answers.
    void configure(const Neighbors& neighbors);
    /// A command, to be heard after those before. Without a connection it is dropped.
    void say(const Command& command);
    void set_terms(Terms terms);
    /// What the heartbeat says of this agent.
    void set_complete(bool complete);

    /// Killed, and started again.
    void restart(const std::string& reason);
    /// Killed, and not started again; not waited for. No event comes after it. Must be called before the last
    /// reference goes.
    void end();

    [[nodiscard]] bool started() const { return started_; }  ///< ExaBGP runs
    /// Its supervisor was told to start it.
    [[nodiscard]] bool starting() const { return configured_ && !started_; }
    /// Its supervisor is there and has not been told yet.
    [[nodiscard]] bool waiting() const { return greeted_ && !started_ && !configured_; }
    [[nodiscard]] bool hearing() const { return hearing_; }
    [[nodiscard]] unsigned restarts() const { return restarts_; }  ///< since the first start
    /// How often it ended in a row without having heard a command.
    [[nodiscard]] unsigned failures() const { return failures_; }
    /// Since when it hears no commands.
    [[nodiscard]] std::chrono::steady_clock::time_point deaf_since() const { return deaf_since_; }

  private:
    Sidecar(boost::asio::io_context& loop, SidecarOptions options);

    [[nodiscard]] boost::asio::awaitable<void> supervise();
    /// Until it ends: how it did.
    [[nodiscard]] boost::asio::awaitable<std::string> run_once();
    /// Connects to an earlier agent's, or starts one. Errors: `run PROGRAM: cause`.
    [[nodiscard]] Result<LineSocket::Unix::socket> reach();
    [[nodiscard]] Result<LineSocket::Unix::socket> spawn();
    void greet(const Hello& hello);
    void hear(const std::string& line);
    void finish(const std::string& reason);
    void kill();
    void know(const Process& process);
    void end_exabgp();
    [[nodiscard]] boost::asio::awaitable<void> beat();

    boost::asio::io_context& loop_;
    SidecarOptions options_;
    boost::asio::steady_timer backoff_;
    boost::asio::steady_timer heartbeat_;
    boost::asio::steady_timer finished_;  ///< never rings; cancelled when this one's life is over
    std::shared_ptr<LineSocket> connection_;
    std::unique_ptr<Child> child_;  ///< the supervisor, if this agent started it
    UniqueFd adopted_;              ///< a pidfd, otherwise
    Process exabgp_;
    UniqueFd exabgp_fd_;  ///< a pidfd
    std::vector<Held> held_;
    Terms terms_;
    std::optional<std::string> end_reason_;
    std::chrono::steady_clock::time_point deaf_since_;
    unsigned restarts_ = 0;
    unsigned failures_ = 0;
    bool greeted_ = false;
    bool started_ = false;
    bool configured_ = false;
    bool hearing_ = false;
    bool complete_ = false;
    bool version_known_ = false;
    bool ended_ = false;
};

}  // namespace guideway::bgp
