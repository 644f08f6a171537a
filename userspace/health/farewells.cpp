// SPDX-License-Identifier: Apache-2.0
#include "health/farewells.hpp"

#include <sys/socket.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

namespace guideway::health {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {
/// For a peer that is to close first, and for one's FIN after ours.
constexpr std::chrono::milliseconds kPatience{500};
/// More is not read to the end.
constexpr std::size_t kReadAtMost = std::size_t{256} * 1024;

enum class Ended : std::uint8_t { kByPeer, kBroken, kNot };

/// Reads what still comes.
asio::awaitable<Ended> read_on(Farewells::Socket& socket) {
    std::array<char, 4096> buffer;
    for (std::size_t total = 0; total < kReadAtMost;) {
        const auto [error, size] =
            co_await socket.async_read_some(asio::buffer(buffer), asio::as_tuple(asio::use_awaitable));
        if (error == asio::error::eof)
            co_return Ended::kByPeer;
        if (error)
            co_return error == asio::error::operation_aborted ? Ended::kNot : Ended::kBroken;
        total += size;
    }
    co_return Ended::kNot;
}

/// From here on closing it sends what is left to be said, and FIN.
void close_in_order(Farewells::Socket& socket) {
    const linger none{.l_onoff = 0, .l_linger = 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_LINGER, &none, sizeof(none));
    error_code ignored;
    socket.shutdown(Farewells::Socket::shutdown_send, ignored);
    socket.close(ignored);
}

Farewells::Socket& socket_of(Farewells::Socket& stream) {
    return stream;
}

Farewells::Socket& socket_of(Farewells::TlsStream& stream) {
    return stream.next_layer();
}

asio::awaitable<void> end_session(Farewells::Socket&) {
    co_return;
}

/// TLS has an end of its own, which tells the peer that nothing was cut off.
asio::awaitable<void> end_session(Farewells::TlsStream& stream) {
    static_cast<void>(co_await stream.async_shutdown(asio::as_tuple(asio::use_awaitable)));
}
}  // namespace

void reset_connection(int socket) {
    const sockaddr nowhere{.sa_family = AF_UNSPEC, .sa_data = {}};
    static_cast<void>(::connect(socket, &nowhere, sizeof(nowhere)));
}

Farewells::Farewells(asio::io_context& loop, std::size_t most, const PortLimits& ports)
    : loop_(loop), most_(most), budget_(ports), limits_(loop, [this](std::uint64_t wait) {
          const auto node = waiting_.extract(wait);
          const auto guest = node ? node.mapped().lock() : nullptr;
          error_code ignored;
          if (guest && guest->wait == wait && guest->socket != nullptr)
              guest->socket->cancel(ignored);
      }) {}

void Farewells::abandon() {
    for (const auto& [key, guest] : std::exchange(guests_, {})) {
        guest->owner = nullptr;
        error_code ignored;
        if (guest->socket != nullptr) {
            reset_connection(guest->socket->native_handle());
            guest->socket->cancel(ignored);
        }
    }
}

void Farewells::say(Socket socket, const PortBudget::Destination& peer, First first) {
    begin(std::move(socket), peer, first);
}

void Farewells::say(TlsStream stream, const PortBudget::Destination& peer, First first) {
    begin(std::move(stream), peer, first);
}

/// What is not taken is closed at once, by a reset as probes' sockets are.
template <typename Stream>
void Farewells::begin(Stream stream, const PortBudget::Destination& peer, First first) {
    if (guests_.size() >= most_)
        return;
    const auto guest = std::make_shared<Guest>(Guest{peer, first, nullptr, this});
    guests_.emplace(guest.get(), guest);
    asio::co_spawn(loop_, leave(std::move(stream), guest), asio::detached);
}

/// The next one, until then: it is cancelled.
void Farewells::limit_wait(const GuestPtr& guest) {
    guest->wait = ++last_wait_;
    waiting_.emplace(guest->wait, guest);
    limits_.at(Clock::now() + kPatience, guest->wait);
}

template <typename Stream>
asio::awaitable<void> Farewells::leave(Stream stream, GuestPtr guest) {
    auto& socket = socket_of(stream);
    if (guest->owner == nullptr)
        co_return;
    guest->socket = &socket;
    const std::shared_ptr<void> at_end(nullptr, [guest](void*) {
        guest->socket = nullptr;
        if (guest->owner != nullptr)
            guest->owner->guests_.erase(guest.get());
    });
    guest->owner->limit_wait(guest);
    co_await end_session(stream);
    co_await finish(socket, guest);
}

/// Whoever has not ended by then is reset, as the socket is destroyed.
asio::awaitable<void> Farewells::finish(Socket& socket, GuestPtr guest) {
    if (guest->owner == nullptr)
        co_return;
    if (guest->first == First::kPeer) {
        guest->owner->limit_wait(guest);
        const auto ended = co_await read_on(socket);
        if (ended == Ended::kByPeer)
            close_in_order(socket);
        if (ended != Ended::kNot)
            co_return;
    }
    if (guest->owner == nullptr || !guest->owner->budget_.take(guest->peer, Clock::now()))
        co_return;
    error_code error;
    socket.shutdown(Socket::shutdown_send, error);
    if (error)
        co_return;
    guest->owner->limit_wait(guest);
    if (co_await read_on(socket) == Ended::kByPeer)
        close_in_order(socket);
}

}  // namespace guideway::health
