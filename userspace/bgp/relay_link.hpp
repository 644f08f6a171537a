// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "bgp/child.hpp"

namespace guideway::bgp {

/// Called on the loop.
struct RelayLinkEvents {
    std::function<void()> connected;
    std::function<void(const std::string&)> line;
    std::function<void()> disconnected;  ///< by the relay
};

/// The agent's end of the relay's socket: one connection at a time, the newest. Sends a heartbeat.
class RelayLink : public std::enable_shared_from_this<RelayLink> {
  public:
    /// A socket that the user alone may connect to. Errors: `listen on PATH: cause`.
    [[nodiscard]] static Result<std::shared_ptr<RelayLink>> listen(boost::asio::io_context& loop,
                                                                   const std::string& path, const User& user,
                                                                   RelayLinkEvents events);

    /// One line, to be heard after those before. Without a connection it is dropped.
    void send(const std::string& line);
    void disconnect();
    /// For good: no event comes after it. Must be called before the last reference goes.
    void close();

    [[nodiscard]] bool connected() const { return connection_ != nullptr; }

  private:
    using Unix = boost::asio::local::stream_protocol;
    struct Connection;

    RelayLink(boost::asio::io_context& loop, std::string path, RelayLinkEvents events,
              Unix::acceptor acceptor);
    [[nodiscard]] boost::asio::awaitable<void> accept();
    [[nodiscard]] boost::asio::awaitable<void> read(std::shared_ptr<Connection> connection);
    [[nodiscard]] boost::asio::awaitable<void> write(std::shared_ptr<Connection> connection);
    [[nodiscard]] boost::asio::awaitable<void> beat();

    boost::asio::io_context& loop_;
    std::string path_;
    RelayLinkEvents events_;
    Unix::acceptor acceptor_;
    boost::asio::steady_timer heartbeat_;
    std::shared_ptr<Connection> connection_;
    bool closed_ = false;
};

}  // namespace guideway::bgp
