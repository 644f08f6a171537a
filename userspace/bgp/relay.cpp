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
constexpr std::chrono::seconds kHeartMayStop{10};
/// ExaBGP reads what it is told, or hangs; what it has not read by then it never will.
constexpr std::size_t kQueuedAtMost = 16 * 1024 * 1024;

class Relay {
  public:
    explicit Relay(asio::io_context& loop)
        : loop_(loop),
          supervisor_(loop),
          input_(loop, ::dup(STDIN_FILENO)),
          output_(loop, ::dup(STDOUT_FILENO)),
          filled_(loop),
          silence_(loop) {}

    Result<void> connect(const std::string& path) {
        boost::system::error_code error;
        supervisor_.connect(Unix::endpoint(path), error);
        if (error)
            return fail("connect to {}: {}", path, error.message());
        return {};
    }

    void start() {
        for (auto task : {&Relay::to_supervisor, &Relay::from_supervisor, &Relay::to_exabgp, &Relay::watch})
            asio::co_spawn(loop_, (this->*task)(), asio::detached);
    }

  private:
    /// ExaBGP's end is the relay's.
    asio::awaitable<void> to_supervisor() {
        std::array<char, 16 * 1024> buffer;
        for (;;) {
            const auto [error, size] = co_await input_.async_read_some(asio::buffer(buffer), kAnyOutcome);
            if (error)
                break;
            // What cannot be told to one that is lost is dropped: the other direction notices.
            co_await asio::async_write(supervisor_, asio::buffer(buffer, size), kAnyOutcome);
        }
        loop_.stop();
    }

    /// The heartbeat is heard even while ExaBGP reads nothing.
    asio::awaitable<void> from_supervisor() {
        std::array<char, 16 * 1024> buffer;
        LineBuffer lines;
        for (;;) {
            const auto [error, size] =
                co_await supervisor_.async_read_some(asio::buffer(buffer), kAnyOutcome);
            if (error)
                break;
            for (const auto& line : lines.add({buffer.data(), size})) {
                if (line.empty())
                    silence_.expires_after(kHeartMayStop);
                else if (queue_.size() < kQueuedAtMost)
                    queue_ += line + '\n';
            }
            filled_.cancel();
        }
        end_exabgp();
    }

    asio::awaitable<void> to_exabgp() {
        for (;;) {
            if (queue_.empty()) {
                filled_.expires_at(asio::steady_timer::time_point::max());
                co_await filled_.async_wait(kAnyOutcome);
                continue;
            }
            const auto lines = std::exchange(queue_, {});
            const auto [error, size] = co_await asio::async_write(output_, asio::buffer(lines), kAnyOutcome);
            if (error)
                co_return;  // its end is noticed by reading
        }
    }

    asio::awaitable<void> watch() {
        silence_.expires_after(kHeartMayStop);
        while (std::chrono::steady_clock::now() < silence_.expiry())
            co_await silence_.async_wait(kAnyOutcome);
        end_exabgp();
    }

    void end_exabgp() {
        if (exabgp_ > 1 && ::getppid() == exabgp_)
            ::kill(exabgp_, SIGKILL);
        loop_.stop();
    }

    asio::io_context& loop_;
    Unix::socket supervisor_;
    asio::posix::stream_descriptor input_;
    asio::posix::stream_descriptor output_;
    std::string queue_;  ///< for ExaBGP
    asio::steady_timer filled_;
    asio::steady_timer silence_;
    const pid_t exabgp_ = ::getppid();
};
}  // namespace

Result<void> run_relay(const std::string& socket_path) {
    std::signal(SIGPIPE, SIG_IGN);
    // ExaBGP has signals blocked (Child), by one of which it ends its relay.
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    asio::io_context loop;
    Relay relay(loop);
    if (auto connected = relay.connect(socket_path); !connected)
        return connected;
    relay.start();
    loop.run();
    return {};
}

}  // namespace guideway::bgp
