// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <string>

namespace guideway::bgp {

/// Called on the loop.
struct LineSocketEvents {
    std::function<void(const std::string&)> line;
    std::function<void()> ended;  ///< by the other end, or because it does not read
};

/// A connected unix socket that carries lines both ways.
class LineSocket : public std::enable_shared_from_this<LineSocket> {
  public:
    using Unix = boost::asio::local::stream_protocol;

    [[nodiscard]] static std::shared_ptr<LineSocket> start(Unix::socket socket, LineSocketEvents events);

    /// One line, to be heard after those before. Dropped once it has ended.
    void send(const std::string& line);
    /// For good: no event comes after it. Must be called before the last reference goes.
    void close();

  private:
    LineSocket(Unix::socket socket, LineSocketEvents events);
    [[nodiscard]] boost::asio::awaitable<void> read();
    [[nodiscard]] boost::asio::awaitable<void> write();
    void end();

    Unix::socket socket_;
    LineSocketEvents events_;
    std::deque<std::string> queue_;
    std::size_t queued_bytes_ = 0;
    boost::asio::steady_timer filled_;
    bool closed_ = false;
};

}  // namespace guideway::bgp
