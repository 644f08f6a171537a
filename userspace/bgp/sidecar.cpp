// SPDX-License-Identifier: Apache-2.0
#include "bgp/sidecar.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "bgp/supervisor.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;
using std::chrono::steady_clock;
using Unix = LineSocket::Unix;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kShortestBackoff{250};
constexpr std::chrono::milliseconds kLongestBackoff{30'000};
/// One that ran for so long did not end because of how it was started.
constexpr std::chrono::seconds kRanWell{60};
/// The supervisor takes five times as much for a loop that is dead.
constexpr std::chrono::seconds kHeartbeat{2};
/// A supervisor says hello at once; one that does not in this time is stopped or hangs.
constexpr std::chrono::seconds kHelloWithin{10};

/// The process at the other end of a socket that is connected to a listening one, if it is this user's.
UniqueFd process_behind(int socket) {
    ucred peer{};
    socklen_t size = sizeof(peer);
    if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != ::geteuid())
        return {};
    UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
    // While the connection stands, the number is still that process's.
    char byte;
    if (::recv(socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        return {};
    return process;
}

/// Nothing if nobody listens there, or it is not this user's to trust.
std::optional<Unix::socket> connect(asio::io_context& loop, const std::string& directory) {
    const auto path = agent_socket(directory);
    if (!check_directory(directory) || path.size() >= sizeof(sockaddr_un::sun_path))
        return std::nullopt;
    Unix::socket socket(loop);
    boost::system::error_code error;
    socket.connect(Unix::endpoint(path), error);
    if (error)
        return std::nullopt;
    return socket;
}

std::vector<std::string> own_environment() {
    std::vector<std::string> environment;
    for (char** variable = environ; *variable != nullptr; ++variable)
        environment.emplace_back(*variable);
    return environment;
}
}  // namespace

std::shared_ptr<Sidecar> Sidecar::start(asio::io_context& loop, SidecarOptions options) {
    std::shared_ptr<Sidecar> sidecar(new Sidecar(loop, std::move(options)));
    for (auto task : {&Sidecar::supervise, &Sidecar::beat})
        asio::co_spawn(loop, (sidecar.get()->*task)(), [sidecar](const std::exception_ptr& failure) {
            if (failure)
                std::rethrow_exception(failure);
        });
    return sidecar;
}

void Sidecar::end_leftover(asio::io_context& loop, const std::string& directory) {
    if (auto socket = connect(loop, directory)) {
        spdlog::info("exabgp of an earlier agent is ended: nothing is to be announced");
        kill_process(process_behind(socket->native_handle()).get(), ::geteuid());
    }
}

Sidecar::Sidecar(asio::io_context& loop, SidecarOptions options)
    : loop_(loop),
      options_(std::move(options)),
      backoff_(loop),
      heartbeat_(loop),
      finished_(loop),
      deaf_since_(steady_clock::now()) {}

void Sidecar::configure(const Neighbors& neighbors) {
    configured_ = true;
    deaf_since_ = steady_clock::now();
    if (connection_)
        connection_->send(to_line(Configure{neighbors}));
}

void Sidecar::say(const Command& command) {
    if (connection_)
        connection_->send(to_line(FromAgent(command)));
}

void Sidecar::set_terms(Terms terms) {
    terms_ = std::move(terms);
    if (connection_)
        connection_->send(to_line(FromAgent(terms_)));
}

void Sidecar::set_complete(bool complete) {
    if (complete != std::exchange(complete_, complete))
        heartbeat_.cancel();
}

/// ExaBGP, too: its supervisor may be stopped, or dead already.
void Sidecar::kill() {
    if (child_)
        child_->kill();
    kill_process(adopted_.get(), ::geteuid());
    end_exabgp();
    options_.may_adopt = false;
    if (connection_)
        connection_->close();
    connection_ = nullptr;
}

void Sidecar::know(const Process& process) {
    exabgp_ = process;
    exabgp_fd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, process.id, 0)));
}

void Sidecar::end_exabgp() {
    kill_process(exabgp_fd_.get(), exabgp_.user);
    exabgp_fd_.reset();
}

void Sidecar::restart(const std::string& reason) {
    if (!connection_)
        return;
    kill();
    finish(fmt::format("exabgp was killed: {}", reason));
}

void Sidecar::end() {
    ended_ = true;
    kill();
    for (auto* timer : {&backoff_, &heartbeat_, &finished_})
        timer->cancel();
}

void Sidecar::finish(const std::string& reason) {
    if (!end_reason_)
        end_reason_ = reason;
    finished_.cancel();
}

asio::awaitable<void> Sidecar::supervise() {
    auto pause = kShortestBackoff;
    for (;;) {
        const auto begun = steady_clock::now();
        const auto reason = co_await run_once();
        if (ended_) {
            if (child_)
                co_await child_->ended();
            co_return;
        }
        failures_ = hearing_ ? 0 : failures_ + 1;
        greeted_ = started_ = configured_ = hearing_ = false;
        pause = steady_clock::now() - begun > kRanWell ? kShortestBackoff : pause;
        spdlog::error("{}; started again in {} ms", reason, pause.count());
        options_.events.ended(reason);
        backoff_.expires_after(pause);
        co_await backoff_.async_wait(kAnyOutcome);
        if (ended_)
            co_return;
        pause = std::min(2 * pause, kLongestBackoff);
        ++restarts_;
    }
}

/// One that let go of this agent, but lives, is taken over as well.
Result<Unix::socket> Sidecar::reach() {
    adopted_.reset();
    const bool may_adopt = std::exchange(options_.may_adopt, true);
    if (auto socket = connect(loop_, options_.directory)) {
        adopted_ = process_behind(socket->native_handle());
        if (adopted_ && may_adopt) {
            if (child_)
                child_->disown();
            child_ = nullptr;
            return std::move(*socket);
        }
        kill_process(adopted_.get(), ::geteuid());
        adopted_.reset();
    }
    end_exabgp();
    return spawn();
}

/// The program that this process runs, whatever lies at its path by now: that is for the relay.
Result<Unix::socket> Sidecar::spawn() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
        return fail("start exabgp: make a pair of sockets: {}", errno_text());
    Unix::socket own(loop_, Unix(), ends[0]);
    const UniqueFd passed(ends[1]);
    auto child = Child::spawn(
        loop_, {.arguments = {"guideway", kSupervisorCommand, options_.directory, options_.exabgp,
                              options_.relay_program, version_known_ ? "1" : "0"},
                .environment = own_environment(),
                .program = "/proc/self/exe",
                .user = std::nullopt,
                .passed = passed.get()});
    if (!child)
        return std::unexpected(child.error());
    child_ = std::move(*child);
    return own;
}

asio::awaitable<std::string> Sidecar::run_once() {
    auto socket = reach();
    if (!socket)
        co_return socket.error().message;
    end_reason_.reset();
    held_.clear();
    deaf_since_ = steady_clock::now();
    connection_ =
        LineSocket::start(std::move(*socket), {.line = [this](const std::string& line) { hear(line); },
                                               .ended =
                                                   [this] {
                                                       connection_ = nullptr;
                                                       finish("exabgp's supervisor ended");
                                                   }});
    finished_.expires_after(kHelloWithin);
    co_await finished_.async_wait(kAnyOutcome);
    if (!end_reason_ && !greeted_ && !ended_)
        restart("its supervisor does not answer");
    while (!end_reason_ && !ended_) {
        finished_.expires_at(steady_clock::time_point::max());
        co_await finished_.async_wait(kAnyOutcome);
    }
    co_return end_reason_.value_or("");
}

void Sidecar::greet(const Hello& hello) {
    if (hello.protocol != kSupervisorProtocol || hello.program != options_.exabgp)
        return restart("it was another version's, or another program");
    if (hello.started)
        spdlog::info("exabgp of an earlier agent is taken over, after {:.1f} s without one",
                     std::chrono::duration<double>(hello.alone).count());
    greeted_ = true;
    started_ = configured_ = hello.started;
    if (started_)
        know(hello.process);
    set_terms(terms_);
    heartbeat_.cancel();
    options_.events.came(hello, held_);
}

void Sidecar::hear(const std::string& line) {
    const auto message = read_from_supervisor(line);
    if (!message)
        return restart(message.error().message);
    if (const auto* held = std::get_if<Held>(&*message)) {
        held_.push_back(*held);
    } else if (const auto* hello = std::get_if<Hello>(&*message)) {
        greet(*hello);
    } else if (const auto* started = std::get_if<Started>(&*message)) {
        know(started->process);
        started_ = version_known_ = true;
        deaf_since_ = steady_clock::now();
        options_.events.hearing(false);
    } else if (const auto* hearing = std::get_if<Hearing>(&*message)) {
        if (hearing_ && !hearing->hears)
            deaf_since_ = steady_clock::now();
        hearing_ = hearing->hears;
        failures_ = hearing_ ? 0 : failures_;
        options_.events.hearing(hearing_);
    } else if (const auto* heard = std::get_if<Heard>(&*message)) {
        options_.events.line(heard->line);
    } else if (const auto* configured = std::get_if<Configured>(&*message)) {
        options_.events.configured(configured->error);
    } else if (const auto* ended = std::get_if<Ended>(&*message)) {
        kill();  // it is about to end by itself
        finish(ended->reason);
    }
}

asio::awaitable<void> Sidecar::beat() {
    while (!ended_) {
        if (connection_)
            connection_->send(to_line(Beat{complete_}));
        heartbeat_.expires_after(kHeartbeat);
        co_await heartbeat_.async_wait(kAnyOutcome);
    }
}

}  // namespace guideway::bgp
