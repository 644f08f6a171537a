// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <cstdint>
#include <memory>
#include <unordered_map>

#include "health/alarm.hpp"
#include "health/port_budget.hpp"
#include "util/ip_address.hpp"

namespace guideway::health {

/// Has a socket's connection end by a reset, now, while packets of it still take the tunnel. The descriptor
/// stays.
void reset_connection(int socket);

/// Ends the connections of probes that have their outcome, beside other work, so that the application sees an
/// orderly end: what it still sends is read, and both sides say FIN. Who says it first has the connection in
/// TIME_WAIT; where that would be this host and too many ports wait already, and where the peer does not end
/// either, it is a reset. Lives on the loop's thread; the loop outlives it.
class Farewells {
  public:
    using Socket = boost::asio::ip::tcp::socket;
    using TlsStream = boost::asio::ssl::stream<Socket>;

    /// Who is expected to close first.
    enum class First : std::uint8_t { kPeer, kThisHost };

    /// `most` at a time; what is beyond ends by a reset.
    Farewells(boost::asio::io_context& loop, std::size_t most, const PortLimits& ports);
    ~Farewells() { abandon(); }
    /// Resets what is left.
    void abandon();
    Farewells(const Farewells&) = delete;
    Farewells& operator=(const Farewells&) = delete;

    void say(Socket socket, const PortBudget::Destination& peer, First first);
    void say(TlsStream stream, const PortBudget::Destination& peer, First first);

    [[nodiscard]] std::size_t under_way() const { return guests_.size(); }

  private:
    /// A connection that is being ended. Its coroutine may outlive this object's owner: it looks first.
    struct Guest {
        PortBudget::Destination peer;
        First first = First::kPeer;
        Socket* socket = nullptr;    ///< as long as the coroutine has one
        Farewells* owner = nullptr;  ///< nothing: it is gone
        std::uint64_t wait = 0;      ///< the present one's number
    };
    using GuestPtr = std::shared_ptr<Guest>;

    template <typename Stream>
    void begin(Stream stream, const PortBudget::Destination& peer, First first);
    template <typename Stream>
    static boost::asio::awaitable<void> leave(Stream stream, GuestPtr guest);
    static boost::asio::awaitable<void> finish(Socket& socket, GuestPtr guest);
    void limit_wait(const GuestPtr& guest);

    boost::asio::io_context& loop_;
    std::size_t most_;
    PortBudget budget_;
    Alarm limits_;
    std::uint64_t last_wait_ = 0;
    std::unordered_map<std::uint64_t, std::weak_ptr<Guest>> waiting_;
    std::unordered_map<Guest*, GuestPtr> guests_;
};

}  // namespace guideway::health
