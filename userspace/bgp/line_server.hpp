// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "bgp/line_socket.hpp"
#include "util/result.hpp"

namespace guideway::bgp {

/// Called on the loop.
struct LineServerEvents {
    std::function<void()> connected;
    std::function<void(const std::string&)> line;
    std::function<void()> disconnected;  ///< by the other end
};

/// A unix socket on which one connection is served at a time, the newest.
class LineServer : public std::enable_shared_from_this<LineServer> {
  public:
    /// In a directory that nobody else may write. The socket has these rights from the beginning: they are
    /// made by the umask, so no other thread may create files meanwhile. Errors: `listen on PATH: cause`.
    [[nodiscard]] static Result<std::shared_ptr<LineServer>> listen(boost::asio::io_context& loop,
                                                                    const std::string& path, mode_t rights,
                                                                    LineServerEvents events);

    /// What lies at its path now.
    enum class Place { kOwn, kNothing, kAnother };
    [[nodiscard]] Place place() const;
    /// Puts the socket there anew; the connection that it has stays. Errors: as of listen().
    [[nodiscard]] Result<void> listen_again();

    /// Serves this one, as if it had just connected.
    void take(LineSocket::Unix::socket connection);
    /// One line, to be heard after those before. Without a connection it is dropped.
    void send(const std::string& line);
    [[nodiscard]] bool connected() const { return connection_ != nullptr; }

  private:
    using Unix = LineSocket::Unix;

    LineServer(boost::asio::io_context& loop, std::string path, mode_t rights, LineServerEvents events);
    [[nodiscard]] boost::asio::awaitable<void> accept();

    boost::asio::io_context& loop_;
    std::string path_;
    mode_t rights_;
    LineServerEvents events_;
    Unix::acceptor acceptor_;
    ino_t inode_ = 0;  ///< of the socket at the path
    std::shared_ptr<LineSocket> connection_;
};

}  // namespace guideway::bgp
