// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/system/error_code.hpp>
#include <expected>

#include "health/check.hpp"
#include "health/farewells.hpp"

namespace guideway::health {

/// What an error says that came of something sent; `action` is its beginning ("connect").
[[nodiscard]] Outcome outcome_of(const boost::system::error_code& error, const char* action);

/// The same of an error that came at once: nothing was sent, and nothing is known of the backend.
[[nodiscard]] Outcome not_sent(const boost::system::error_code& error, const char* action);

/// Marks what the socket sends, if the way has a mark.
[[nodiscard]] boost::system::error_code mark_socket(int fd, const Way& way);

/// A connection that ends by a reset, however it is closed, unless it is left to Farewells. The attempt's
/// until the caller is done with it: see Held.
[[nodiscard]] boost::asio::awaitable<std::expected<boost::asio::ip::tcp::socket, Outcome>> connect_tcp(
    Attempt& attempt);

/// While there is one, the attempt has a connection.
class Held {
  public:
    explicit Held(Attempt& attempt) : attempt_(attempt) {}
    ~Held() { attempt_.socket = -1; }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;

  private:
    Attempt& attempt_;
};

/// Ends the connection in order if the attempt has who does that.
template <typename Stream>
void part(Attempt& attempt, Stream stream, Farewells::First first) {
    if (attempt.farewells != nullptr)
        attempt.farewells->say(std::move(stream), {attempt.way.address, attempt.way.port}, first);
}

[[nodiscard]] boost::asio::ip::address asio_address(const IpAddress& address);

}  // namespace guideway::health
