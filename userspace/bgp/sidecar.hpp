// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "bgp/child.hpp"
#include "bgp/exabgp_config.hpp"
#include "bgp/relay_link.hpp"

namespace guideway::bgp {

/// What ExaBGP does without being asked. Called on the loop.
struct SidecarEvents {
    std::function<void()> connected;                ///< commands are heard from now on
    std::function<void(const std::string&)> line;   ///< it said this
    std::function<void()> disconnected;             ///< its relay is gone; it may start another
    std::function<void(const std::string&)> ended;  ///< it ended, or did not start, for this reason
    std::function<void(const IpAddress&, const std::string&)> left_out;  ///< a peer, for this reason
};

struct SidecarOptions {
    config::Bgp bgp;
    std::string directory;      ///< private; made where it is missing
    std::string relay_program;  ///< run as `PROGRAM relay SOCKET`
    std::string exabgp = "exabgp";
    SidecarEvents events;
};

/// ExaBGP as a child process: started with a generated configuration, started again with backoff when it
/// ends, spoken to through its relay.
class Sidecar : public std::enable_shared_from_this<Sidecar> {
  public:
    /// Errors: `listen on SOCKET: cause`. What is wrong with ExaBGP itself is an event.
    [[nodiscard]] static Result<std::shared_ptr<Sidecar>> start(boost::asio::io_context& loop,
                                                                SidecarOptions options);

    /// One line, to be heard after those before. Without a connection it is dropped.
    void send(const std::string& line) { link_->send(line); }
    /// Killed, and started again.
    void restart(const std::string& reason);
    /// Killed, and not started again. No event comes after it. Must be called before the last reference goes.
    void end();

    [[nodiscard]] bool connected() const { return link_->connected(); }
    [[nodiscard]] bool running() const { return child_ != nullptr; }
    [[nodiscard]] unsigned restarts() const { return restarts_; }  ///< since the first start
    /// Since when there is no connection.
    [[nodiscard]] std::chrono::steady_clock::time_point disconnected_since() const { return disconnected_; }

  private:
    Sidecar(boost::asio::io_context& loop, SidecarOptions options, User user);

    [[nodiscard]] boost::asio::awaitable<void> supervise();
    /// Until it ends: how it did.
    [[nodiscard]] boost::asio::awaitable<std::string> run_once();
    /// What is wrong with it; empty: nothing.
    [[nodiscard]] boost::asio::awaitable<std::string> check_version();
    [[nodiscard]] boost::asio::awaitable<std::string> run_to_end(std::unique_ptr<Child>& child);
    [[nodiscard]] boost::asio::awaitable<void> watch_routes();
    [[nodiscard]] Result<void> prepare();
    [[nodiscard]] LocalAddresses local_addresses();
    void relay_lost();

    boost::asio::io_context& loop_;
    SidecarOptions options_;
    User user_;
    boost::asio::steady_timer backoff_;
    boost::asio::steady_timer route_timer_;
    std::shared_ptr<RelayLink> link_;
    std::unique_ptr<Child> child_;
    std::vector<IpAddress> left_out_;  ///< peers that cannot be reached from any address
    std::string killed_because_;
    std::chrono::steady_clock::time_point disconnected_;
    unsigned restarts_ = 0;
    bool version_checked_ = false;
    bool ended_ = false;
};

}  // namespace guideway::bgp
