// SPDX-License-Identifier: Apache-2.0
#include "bgp/line_server.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "util/unix_listener.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kAfterFailedAccept{1};
/// Who connects again and again keeps nobody from other work.
constexpr std::chrono::milliseconds kAfterAccept{50};
}  // namespace

Result<std::shared_ptr<LineServer>> LineServer::listen(asio::io_context& loop, const std::string& path,
                                                       mode_t rights, LineServerEvents events) {
    std::shared_ptr<LineServer> server(new LineServer(loop, path, rights, std::move(events)));
    if (auto listens = server->listen_again(); !listens)
        return std::unexpected(listens.error());
    asio::co_spawn(loop, server->accept(), asio::detached);
    return server;
}

LineServer::LineServer(asio::io_context& loop, std::string path, mode_t rights, LineServerEvents events)
    : loop_(loop), path_(std::move(path)), rights_(rights), events_(std::move(events)), acceptor_(loop) {}

Result<void> LineServer::listen_again() {
    auto acceptor = listen_unix(loop_, path_, rights_);
    if (!acceptor)
        return std::unexpected(acceptor.error());
    struct stat status{};
    if (::lstat(path_.c_str(), &status) != 0)
        return fail("listen on {}: {}", path_, errno_text());
    acceptor_ = std::move(*acceptor);
    inode_ = status.st_ino;
    return {};
}

LineServer::Place LineServer::place() const {
    struct stat status{};
    if (::lstat(path_.c_str(), &status) != 0)
        return Place::kNothing;
    return status.st_ino == inode_ ? Place::kOwn : Place::kAnother;
}

void LineServer::take(Unix::socket connection) {
    if (connection_)
        connection_->close();
    connection_ = LineSocket::start(std::move(connection), {.line = events_.line, .ended = [this] {
                                                                connection_ = nullptr;
                                                                events_.disconnected();
                                                            }});
    events_.connected();
}

void LineServer::send(const std::string& line) {
    if (connection_)
        connection_->send(line);
}

asio::awaitable<void> LineServer::accept() {
    const auto self = shared_from_this();
    for (;;) {
        auto [error, socket] = co_await acceptor_.async_accept(kAnyOutcome);
        if (!error)
            take(std::move(socket));
        asio::steady_timer pause(loop_);
        pause.expires_after(error ? std::chrono::milliseconds(kAfterFailedAccept) : kAfterAccept);
        co_await pause.async_wait(kAnyOutcome);
    }
}

}  // namespace guideway::bgp
