// SPDX-License-Identifier: Apache-2.0
#include "bgp/relay.hpp"

#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <csignal>

#include "bgp/message.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;

namespace {
using Unix = asio::local::stream_protocol;
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kAgentMayBeSilent{10};

class Relay {
  public:
    explicit Relay(asio::io_context& loop)
        : loop_(loop),
          agent_(loop),
          input_(loop, ::dup(STDIN_FILENO)),
          output_(loop, ::dup(STDOUT_FILENO)),
          silence_(loop) {}

    Result<void> connect(const std::string& path) {
        boost::system::error_code error;
        agent_.connect(Unix::endpoint(path), error);
        if (error)
            return fail("connect to {}: {}", path, error.message());
        return {};
    }

    void start() {
        asio::co_spawn(loop_, to_agent(), asio::detached);
        asio::co_spawn(loop_, to_exabgp(), asio::detached);
        asio::co_spawn(loop_, watch(), asio::detached);
    }

  private:
    /// ExaBGP's end is the relay's.
    asio::awaitable<void> to_agent() {
        std::array<char, 16 * 1024> buffer;
        for (;;) {
            const auto [error, size] = co_await input_.async_read_some(asio::buffer(buffer), kAnyOutcome);
            if (error)
                break;
            // What cannot be told to a lost agent is dropped: the other direction notices.
            co_await asio::async_write(agent_, asio::buffer(buffer, size), kAnyOutcome);
        }
        loop_.stop();
    }

    asio::awaitable<void> to_exabgp() {
        std::array<char, 16 * 1024> buffer;
        LineBuffer lines;
        for (;;) {
            const auto [error, size] = co_await agent_.async_read_some(asio::buffer(buffer), kAnyOutcome);
            if (error)
                break;
            silence_.expires_after(kAgentMayBeSilent);
            for (auto& line : lines.add({buffer.data(), size})) {
                if (line.empty())
                    continue;
                line += '\n';
                if (const auto [failed, written] =
                        co_await asio::async_write(output_, asio::buffer(line), kAnyOutcome);
                    failed)
                    break;
            }
        }
        end_exabgp();
    }

    asio::awaitable<void> watch() {
        silence_.expires_after(kAgentMayBeSilent);
        while (std::chrono::steady_clock::now() < silence_.expiry())
            co_await silence_.async_wait(kAnyOutcome);
        end_exabgp();
    }

    void end_exabgp() {
        if (::getppid() == exabgp_)
            ::kill(exabgp_, SIGKILL);
        loop_.stop();
    }

    asio::io_context& loop_;
    Unix::socket agent_;
    asio::posix::stream_descriptor input_;
    asio::posix::stream_descriptor output_;
    asio::steady_timer silence_;
    const pid_t exabgp_ = ::getppid();
};
}  // namespace

Result<void> run_relay(const std::string& socket_path) {
    std::signal(SIGPIPE, SIG_IGN);
    asio::io_context loop;
    Relay relay(loop);
    if (auto connected = relay.connect(socket_path); !connected)
        return connected;
    relay.start();
    loop.run();
    return {};
}

}  // namespace guideway::bgp
