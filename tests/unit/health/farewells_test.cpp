// SPDX-License-Identifier: Apache-2.0
#include "health/farewells.hpp"

#include <netinet/in.h>
#include <sys/socket.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>
#include <string>

#include "health/port_budget.hpp"

using namespace guideway;
using namespace guideway::health;

namespace {
namespace asio = boost::asio;
using Socket = Farewells::Socket;
using boost::system::error_code;

const PortBudget::Destination kPeer{*IpAddress::parse("192.0.2.10"), 80};

/// A probe's connection to a server, and the server's end of it, which the test reads and writes itself.
struct Connection {
    explicit Connection(asio::io_context& loop) : probe(loop), server(loop) {
        asio::ip::tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
        probe.open(asio::ip::tcp::v4());
        const linger reset{.l_onoff = 1, .l_linger = 0};
        REQUIRE(::setsockopt(probe.native_handle(), SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) == 0);
        probe.connect(acceptor.local_endpoint());
        acceptor.accept(server);
    }

    /// What the server's next read says, while the loop runs.
    error_code read(asio::io_context& loop) {
        error_code result = asio::error::would_block;
        server.async_read_some(asio::buffer(buffer),
                               [&](const error_code& error, std::size_t) { result = error; });
        const auto limit = Clock::now() + std::chrono::seconds(20);
        loop.restart();
        while (result == asio::error::would_block && Clock::now() < limit)
            loop.run_one_for(std::chrono::milliseconds(100));
        return result;
    }

    Socket probe, server;
    char buffer[64] = {};
};

void run_until_done(asio::io_context& loop, const Farewells& farewells) {
    const auto limit = Clock::now() + std::chrono::seconds(20);
    while (farewells.under_way() > 0 && Clock::now() < limit)
        loop.run_one_for(std::chrono::milliseconds(100));
    CHECK(farewells.under_way() == 0);
}

/// Its peer sent FIN, and then a reset.
bool was_reset_behind_its_end(Socket& socket) {
    int error = 0;
    socklen_t size = sizeof(error);
    return ::getsockopt(socket.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == EPIPE;
}

constexpr PortLimits kPlenty{100, 100};
}  // namespace

TEST_CASE("a server reads the end of a probe's connection, and no error") {
    asio::io_context loop;
    Farewells farewells(loop, 10, kPlenty);
    Connection connection(loop);
    farewells.say(std::move(connection.probe), kPeer, Farewells::First::kThisHost);
    CHECK(connection.read(loop) == asio::error::eof);
    // What it has still to say is no error either.
    error_code error;
    asio::write(connection.server, asio::buffer(std::string(1000, 'x')), error);
    CHECK(!error);
    asio::write(connection.server, asio::buffer(std::string(1000, 'y')), error);
    CHECK(!error);
    connection.server.close();
    run_until_done(loop, farewells);
}

TEST_CASE("where the server closes first, it is answered in order, and no port is taken") {
    asio::io_context loop;
    Farewells farewells(loop, 10, {0, 0});
    Connection connection(loop);
    asio::write(connection.server, asio::buffer(std::string(100'000, 'x')));
    farewells.say(std::move(connection.probe), kPeer, Farewells::First::kPeer);
    connection.server.shutdown(Socket::shutdown_send);
    CHECK(connection.read(loop) == asio::error::eof);
    run_until_done(loop, farewells);
}

TEST_CASE("where no more ports may wait, the connection is reset") {
    asio::io_context loop;
    Farewells farewells(loop, 10, {1, 1});
    Connection first(loop), second(loop);
    farewells.say(std::move(first.probe), kPeer, Farewells::First::kThisHost);
    farewells.say(std::move(second.probe), kPeer, Farewells::First::kThisHost);
    CHECK(first.read(loop) == asio::error::eof);
    CHECK(second.read(loop) == asio::error::connection_reset);
}

TEST_CASE("a server that does not end is reset after a while, and so is one that does not stop") {
    asio::io_context loop;
    Farewells farewells(loop, 10, kPlenty);
    Connection silent(loop), endless(loop);
    endless.server.non_blocking(true);
    error_code error;
    const std::string much(1 << 20, 'x');
    asio::write(endless.server, asio::buffer(much), error);
    farewells.say(std::move(silent.probe), kPeer, Farewells::First::kThisHost);
    farewells.say(std::move(endless.probe), kPeer, Farewells::First::kThisHost);
    CHECK(silent.read(loop) == asio::error::eof);
    run_until_done(loop, farewells);
    CHECK(was_reset_behind_its_end(silent.server));
    CHECK(was_reset_behind_its_end(endless.server));
}

TEST_CASE("too many at a time are reset, and all that are left when it ends") {
    asio::io_context loop;
    Connection first(loop), second(loop);
    {
        Farewells farewells(loop, 1, kPlenty);
        farewells.say(std::move(first.probe), kPeer, Farewells::First::kPeer);
        farewells.say(std::move(second.probe), kPeer, Farewells::First::kPeer);
        CHECK(second.read(loop) == asio::error::connection_reset);
        loop.poll();
    }
    CHECK(first.read(loop) == asio::error::connection_reset);
}

TEST_CASE("the ports that 2,000 probes a second to one destination leave waiting are bounded") {
    PortBudget budget({7058, 65536});
    const PortBudget::Destination other{*IpAddress::parse("192.0.2.11"), 80};
    Moment now{};
    std::size_t in_order = 0;
    for (int second = 0; second < 620; ++second) {
        for (int probe = 0; probe < 2000; ++probe, now += std::chrono::microseconds(500))
            in_order += budget.take(kPeer, now) ? 1 : 0;
        CHECK(budget.taken() <= 7058);
    }
    // 7,058 a 62 seconds: 114 of 2,000 each second; 100 to each of 28 destinations would all be.
    CHECK(in_order == 10 * 7058);
    CHECK(budget.take(other, now));
    CHECK(budget.taken() <= 7059);
}

TEST_CASE("the ports that wait are bounded altogether, too") {
    PortBudget budget({10, 25});
    std::size_t taken = 0;
    for (std::uint16_t port = 1; port <= 5; ++port) {
        for (int i = 0; i < 10; ++i)
            taken += budget.take({kPeer.first, port}, Moment{}) ? 1 : 0;
    }
    CHECK(taken == 25);
    CHECK(budget.take({kPeer.first, 1}, Moment{} + std::chrono::minutes(2)));
    CHECK(budget.taken() == 1);
}
