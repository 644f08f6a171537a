// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/system/error_code.hpp>
#include <expected>

#include "health/check.hpp"

namespace guideway::health {

/// What an error says that came of something sent; `action` is its beginning ("connect").
[[nodiscard]] Outcome outcome_of(const boost::system::error_code& error, const char* action);

/// The same of an error that came at once: nothing was sent, and nothing is known of the backend.
[[nodiscard]] Outcome not_sent(const boost::system::error_code& error, const char* action);

/// Marks what the socket sends, if the way has a mark.
[[nodiscard]] boost::system::error_code mark_socket(int fd, const Way& way);

/// A connection that ends by a reset, however it is closed: probes through the tunnel share one destination,
/// and TIME_WAIT would use up its ports.
[[nodiscard]] boost::asio::awaitable<std::expected<boost::asio::ip::tcp::socket, Outcome>> connect_tcp(
    Attempt& attempt);

[[nodiscard]] boost::asio::ip::address asio_address(const IpAddress& address);

}  // namespace guideway::health
