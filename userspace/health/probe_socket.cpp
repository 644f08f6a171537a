// SPDX-License-Identifier: Apache-2.0
#include "health/probe_socket.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>

namespace guideway::health {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {
constexpr int kSmallestSegment = 88;  ///< the kernel's

error_code last_error() {
    return {errno, boost::system::system_category()};
}

error_code set_option(int fd, int level, int name, const auto& value) {
    return ::setsockopt(fd, level, name, &value, sizeof(value)) == 0 ? error_code{} : last_error();
}

/// The fault is this host's, and says nothing about the backend.
bool is_local(int error) {
    switch (error) {
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case EADDRNOTAVAIL:
        case EADDRINUSE:
        case EAFNOSUPPORT:
        case EPERM:
        case EACCES:
            return true;
        default:
            return false;
    }
}

bool is_answer(int error) {
    return error == ECONNREFUSED || error == ECONNRESET || error == EPIPE;
}

/// What a connection came to.
error_code error_of(int fd) {
    int error = 0;
    socklen_t size = sizeof(error);
    if (::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
        return last_error();
    return {error, boost::system::system_category()};
}

int segment_size(const Way& way) {
    const std::uint32_t headers = (way.address.is_v4() ? 20 : 40) + 20;
    return std::max(static_cast<int>(*way.packet_size) - static_cast<int>(headers), kSmallestSegment);
}

error_code prepare_tcp(asio::ip::tcp::socket& socket, const Way& way) {
    error_code error;
    socket.native_non_blocking(true, error);
    const int fd = socket.native_handle();
    const linger reset{.l_onoff = 1, .l_linger = 0};
    if (!error)
        error = set_option(fd, SOL_SOCKET, SO_LINGER, reset);
    if (!error)
        error = mark_socket(fd, way);
    if (!error && way.packet_size)
        error = set_option(fd, IPPROTO_TCP, TCP_MAXSEG, segment_size(way));
    return error;
}
}  // namespace

Outcome not_sent(const error_code& error, const char* action) {
    if (is_answer(error.value()))  // by this host itself, if that is what is probed
        return outcome_of(error, action);
    if (error.value() == EMFILE || error.value() == ENFILE)
        return Outcome::not_tried(fmt::format(
            "{}: no descriptor is free; raise the limit (ulimit -n, LimitNOFILE=), probing goes on with what "
            "there is",
            action));
    return Outcome::not_tried(fmt::format("{}: {}", action, error.message()));
}

Outcome outcome_of(const error_code& error, const char* action) {
    std::string text = fmt::format("{}: {}", action, error.message());
    if (error.category() != boost::system::system_category())
        return Outcome::bad_answer(std::move(text));
    if (is_local(error.value()))
        return not_sent(error, action);
    if (is_answer(error.value()))
        return Outcome::bad_answer(std::move(text));
    return Outcome::silence(std::move(text));
}

error_code mark_socket(int fd, const Way& way) {
    return way.mark ? set_option(fd, SOL_SOCKET, SO_MARK, *way.mark) : error_code{};
}

asio::ip::address asio_address(const IpAddress& address) {
    if (address.is_v4()) {
        asio::ip::address_v4::bytes_type bytes;
        std::copy_n(address.wire(), bytes.size(), bytes.begin());
        return asio::ip::address_v4(bytes);
    }
    return asio::ip::address_v6(address.bytes());
}

asio::awaitable<std::expected<asio::ip::tcp::socket, Outcome>> connect_tcp(Attempt& attempt) {
    const asio::ip::tcp::endpoint endpoint(asio_address(attempt.way.address), attempt.way.port);
    asio::ip::tcp::socket socket(co_await asio::this_coro::executor);
    error_code error;
    socket.open(endpoint.protocol(), error);
    if (error)
        co_return std::unexpected(not_sent(error, "open a socket"));
    // Not through Asio, which would undo the linger option when it destroys the socket.
    if (error = prepare_tcp(socket, attempt.way); error)
        co_return std::unexpected(not_sent(error, "set up a socket"));
    // Not through Asio either, which does not tell what the kernel says at once, of itself, from what is
    // heard of the connection later.
    if (::connect(socket.native_handle(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 &&
        errno != EINPROGRESS)
        co_return std::unexpected(not_sent(last_error(), "connect"));
    attempt.socket = socket.native_handle();
    const auto [interrupted] =
        co_await socket.async_wait(asio::socket_base::wait_write, asio::as_tuple(asio::use_awaitable));
    if (error = interrupted ? interrupted : error_of(socket.native_handle()); error) {
        attempt.socket = -1;
        co_return std::unexpected(outcome_of(error, "connect"));
    }
    attempt.reacted = true;
    co_return std::move(socket);
}

}  // namespace guideway::health
