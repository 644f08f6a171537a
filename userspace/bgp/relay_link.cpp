// SPDX-License-Identifier: Apache-2.0
#include "bgp/relay_link.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "bgp/message.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kHeartbeat{2};
constexpr std::chrono::seconds kAfterFailedAccept{1};
/// What ExaBGP has to be given at most; more is a loop gone wrong.
constexpr std::size_t kQueueAtMost = 1000;
}  // namespace

/// It may be replaced while its coroutines still hold it.
struct RelayLink::Connection {
    explicit Connection(Unix::socket s) : socket(std::move(s)), filled(socket.get_executor()) {}

    Unix::socket socket;
    std::deque<std::string> queue;
    asio::steady_timer filled;
};

Result<std::shared_ptr<RelayLink>> RelayLink::listen(asio::io_context& loop, const std::string& path,
                                                     const User& user, RelayLinkEvents events) {
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return fail("listen on {}: the path is longer than the {} bytes that a socket's may have", path,
                    sizeof(sockaddr_un::sun_path) - 1);
    ::unlink(path.c_str());
    Unix::acceptor acceptor(loop);
    boost::system::error_code error;
    acceptor.open({}, error);
    if (!error)
        acceptor.bind(Unix::endpoint(path), error);
    if (!error)
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error)
        return fail("listen on {}: {}", path, error.message());
    if (::chmod(path.c_str(), 0600) != 0 || ::chown(path.c_str(), user.uid, user.gid) != 0)
        return fail("make {} private: {}", path, errno_text());
    std::shared_ptr<RelayLink> link(new RelayLink(loop, path, std::move(events), std::move(acceptor)));
    asio::co_spawn(loop, link->accept(), asio::detached);
    asio::co_spawn(loop, link->beat(), asio::detached);
    return link;
}

RelayLink::RelayLink(asio::io_context& loop, std::string path, RelayLinkEvents events,
                     Unix::acceptor acceptor)
    : loop_(loop),
      path_(std::move(path)),
      events_(std::move(events)),
      acceptor_(std::move(acceptor)),
      heartbeat_(loop) {}

void RelayLink::close() {
    closed_ = true;
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    ::unlink(path_.c_str());
    disconnect();
    heartbeat_.cancel();
}

void RelayLink::disconnect() {
    if (!connection_)
        return;
    boost::system::error_code ignored;
    connection_->socket.close(ignored);
    connection_->filled.cancel();
    connection_ = nullptr;
}

asio::awaitable<void> RelayLink::accept() {
    const auto self = shared_from_this();
    while (!closed_) {
        auto [error, socket] = co_await acceptor_.async_accept(kAnyOutcome);
        if (closed_)
            co_return;
        if (error) {
            asio::steady_timer pause(loop_, kAfterFailedAccept);
            co_await pause.async_wait(kAnyOutcome);
            continue;
        }
        disconnect();
        connection_ = std::make_shared<Connection>(std::move(socket));
        asio::co_spawn(loop_, read(connection_), asio::detached);
        asio::co_spawn(loop_, write(connection_), asio::detached);
        events_.connected();
    }
}

asio::awaitable<void> RelayLink::read(std::shared_ptr<Connection> connection) {
    const auto self = shared_from_this();
    std::array<char, 64 * 1024> buffer;
    LineBuffer lines;
    for (;;) {
        const auto [error, size] =
            co_await connection->socket.async_read_some(asio::buffer(buffer), kAnyOutcome);
        if (connection_ != connection)
            co_return;
        if (error)
            break;
        for (const auto& line : lines.add({buffer.data(), size}))
            events_.line(line);
    }
    disconnect();
    events_.disconnected();
}

asio::awaitable<void> RelayLink::write(std::shared_ptr<Connection> connection) {
    while (connection->socket.is_open()) {
        if (connection->queue.empty()) {
            connection->filled.expires_at(steady_clock::time_point::max());
            co_await connection->filled.async_wait(kAnyOutcome);
            continue;
        }
        const auto line = std::move(connection->queue.front());
        connection->queue.pop_front();
        const auto [error, size] =
            co_await asio::async_write(connection->socket, asio::buffer(line), kAnyOutcome);
        if (error)
            co_return;
    }
}

void RelayLink::send(const std::string& line) {
    if (!connection_ || connection_->queue.size() > kQueueAtMost)
        return;
    connection_->queue.push_back(line + '\n');
    connection_->filled.cancel();
}

asio::awaitable<void> RelayLink::beat() {
    const auto self = shared_from_this();
    while (!closed_) {
        send("");
        heartbeat_.expires_after(kHeartbeat);
        co_await heartbeat_.async_wait(kAnyOutcome);
    }
}

}  // namespace guideway::bgp
