// SPDX-License-Identifier: Apache-2.0
#include "bgp/line_socket.hpp"

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "bgp/message.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
/// More than anybody has to be told at a time; who leaves so much unread does not read.
constexpr std::size_t kQueuedAtMost = 16 * 1024 * 1024;
/// Far more than anybody has to say: who says more keeps nobody from other work.
constexpr std::size_t kReadInASecond = 4 * 1024 * 1024;
}  // namespace

std::shared_ptr<LineSocket> LineSocket::start(Unix::socket socket, LineSocketEvents events) {
    std::shared_ptr<LineSocket> lines(new LineSocket(std::move(socket), std::move(events)));
    const auto executor = lines->socket_.get_executor();
    asio::co_spawn(executor, lines->read(), asio::detached);
    asio::co_spawn(executor, lines->write(), asio::detached);
    return lines;
}

LineSocket::LineSocket(Unix::socket socket, LineSocketEvents events)
    : socket_(std::move(socket)), events_(std::move(events)), filled_(socket_.get_executor()) {}

void LineSocket::close() {
    closed_ = true;
    boost::system::error_code ignored;
    socket_.close(ignored);
    filled_.cancel();
}

void LineSocket::end() {
    if (std::exchange(closed_, true))
        return;
    close();
    events_.ended();
}

asio::awaitable<void> LineSocket::read() {
    const auto self = shared_from_this();
    std::array<char, 64 * 1024> buffer;
    LineBuffer lines;
    asio::steady_timer second(socket_.get_executor(), std::chrono::seconds(1));
    std::size_t taken = 0;
    while (!closed_) {
        if (std::chrono::steady_clock::now() >= second.expiry() || taken > kReadInASecond) {
            if (taken > kReadInASecond)
                co_await second.async_wait(kAnyOutcome);
            second.expires_after(std::chrono::seconds(1));
            taken = 0;
        }
        const auto [error, size] = co_await socket_.async_read_some(asio::buffer(buffer), kAnyOutcome);
        if (error)
            break;
        taken += size;
        for (const auto& line : lines.add({buffer.data(), size})) {
            if (closed_)
                co_return;
            events_.line(line);
        }
    }
    end();
}

asio::awaitable<void> LineSocket::write() {
    const auto self = shared_from_this();
    while (!closed_) {
        if (queue_.empty()) {
            filled_.expires_at(asio::steady_timer::time_point::max());
            co_await filled_.async_wait(kAnyOutcome);
            continue;
        }
        const auto line = std::move(queue_.front());
        queue_.pop_front();
        queued_bytes_ -= line.size();
        const auto [error, size] = co_await asio::async_write(socket_, asio::buffer(line), kAnyOutcome);
        if (error)
            co_return;  // reading notices
    }
}

void LineSocket::send(const std::string& line) {
    if (closed_)
        return;
    queue_.push_back(line + '\n');
    queued_bytes_ += queue_.back().size();
    if (queued_bytes_ > kQueuedAtMost)
        return end();
    filled_.cancel();
}

}  // namespace guideway::bgp
