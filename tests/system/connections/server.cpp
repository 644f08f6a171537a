// SPDX-License-Identifier: Apache-2.0
#include "server.hpp"

#include <netinet/in.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <span>

namespace guideway::connections {

namespace {

constexpr std::uint64_t kMaxFiles = 20000;
constexpr int kBacklog = 4096;
/// A client that takes no answers is not read from either.
constexpr std::uint64_t kMaxOwed = 1 << 20;
/// A connection that another backend has taken over never says a word again.
constexpr std::chrono::seconds kMaxSilence{120};
constexpr std::chrono::milliseconds kSweep{1000};

Result<UniqueFd> listen_at(const std::string& address, std::uint16_t port) {
    const auto local = make_endpoint(address, port);
    if (!local)
        return std::unexpected(local.error());
    UniqueFd socket(::socket(local->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    const auto [level, freebind] =
        local->is_v4() ? std::pair(IPPROTO_IP, IP_FREEBIND) : std::pair(IPPROTO_IPV6, IPV6_FREEBIND);
    if (!socket || ::setsockopt(socket.get(), level, freebind, &on, sizeof(on)) != 0 ||
        ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        ::bind(socket.get(), local->get(), local->length) != 0 || ::listen(socket.get(), kBacklog) != 0)
        return fail("listen on {} port {}: {}", address, port, errno_text());
    return socket;
}

bool is_transient(int error) {
    return error == EAGAIN || error == EINTR;
}

}  // namespace

Result<Server> Server::listen(const ServeOptions& options) {
    if (options.name.empty() || options.name.size() > kMaxName)
        return fail("serve as '{}': a name has 1 to {} bytes", options.name, kMaxName);
    if (auto raised = raise_file_limit(kMaxFiles); !raised)
        return std::unexpected(raised.error());
    Server server(options);
    server.epoll_.reset(::epoll_create1(EPOLL_CLOEXEC));
    for (const auto& address : options.addresses) {
        auto listener = listen_at(address, options.port);
        if (!listener)
            return std::unexpected(listener.error());
        epoll_event event{EPOLLIN, {.fd = listener->get()}};
        if (::epoll_ctl(server.epoll_.get(), EPOLL_CTL_ADD, listener->get(), &event) != 0)
            return fail("watch {}: {}", address, errno_text());
        const int fd = listener->get();
        server.listeners_.emplace(fd, std::move(*listener));
    }
    return server;
}

Result<void> Server::run(const UniqueFd& end) {
    epoll_event ending{EPOLLIN, {.fd = end.get()}};
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, end.get(), &ending) != 0)
        return fail("watch for SIGTERM: {}", errno_text());
    std::array<epoll_event, 256> events;
    auto swept = Clock::now();
    for (;;) {
        const int ready = ::epoll_wait(epoll_.get(), events.data(), events.size(), kSweep.count());
        for (const auto& event : std::span(events).first(std::max(ready, 0))) {
            if (event.data.fd == end.get())
                return {};
            if (listeners_.contains(event.data.fd)) {
                if (auto accepted = accept_all(event.data.fd); !accepted)
                    return accepted;
            } else if (auto peer = peers_.find(event.data.fd); peer != peers_.end()) {
                if (!serve(peer->second))
                    peers_.erase(peer);
            }
        }
        if (Clock::now() - swept > kSweep) {
            swept = Clock::now();
            forget_silent();
        }
    }
}

Result<void> Server::accept_all(int listener) {
    for (;;) {
        UniqueFd socket(::accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
        if (socket)
            welcome(std::move(socket));
        else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
            return fail("accept a connection besides {} others: {}", peers_.size(), errno_text());
        else if (errno == EAGAIN)
            return {};
    }
}

void Server::welcome(UniqueFd socket) {
    std::array<char, 1 + kMaxName> greeting;
    greeting[0] = static_cast<char>(options_.name.size());
    std::ranges::copy(options_.name, greeting.begin() + 1);
    const std::size_t size = 1 + options_.name.size();
    if (::send(socket.get(), greeting.data(), size, MSG_NOSIGNAL) != static_cast<ssize_t>(size))
        return;
    const int fd = socket.get();
    Peer& peer = peers_[fd];
    peer.socket = std::move(socket);
    peer.heard = Clock::now();
    peer.interest = EPOLLIN;
    epoll_event event{EPOLLIN, {.fd = fd}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

bool Server::serve(Peer& peer) {
    if (!peer.ended && peer.owed <= kMaxOwed && !receive(peer))
        return false;
    if (!pay(peer))
        return false;
    watch(peer);
    return !(peer.ended && peer.owed == 0);
}

bool Server::receive(Peer& peer) {
    const auto size = ::recv(peer.socket.get(), buffer_.data(), buffer_.size(), 0);
    if (size < 0)
        return is_transient(errno);
    if (size == 0) {
        peer.ended = true;
        return true;
    }
    peer.heard = Clock::now();
    return take(peer, std::span(buffer_).first(static_cast<std::size_t>(size)));
}

bool Server::take(Peer& peer, std::span<const std::uint8_t> bytes) {
    const std::size_t head = std::min(sizeof(Hello) - peer.hello_size, bytes.size());
    std::ranges::copy(bytes.first(head), reinterpret_cast<std::uint8_t*>(&peer.hello) + peer.hello_size);
    peer.hello_size += head;
    bytes = bytes.subspan(head);
    if (peer.hello_size < sizeof(Hello))
        return true;
    if (peer.hello.factor == 0 || peer.hello.factor > kMaxFactor)
        return false;
    const Stream expected(peer.hello.connection, Direction::kToServer);
    if (const auto wrong = expected.first_wrong(peer.received, bytes)) {
        deny(peer, peer.received + *wrong);
        return false;
    }
    peer.received += bytes.size();
    peer.owed += bytes.size() * peer.hello.factor;
    return true;
}

bool Server::pay(Peer& peer) {
    const Stream stream(peer.hello.connection, Direction::kToClient);
    while (peer.owed > 0) {
        const auto chunk = std::span(buffer_).first(std::min<std::uint64_t>(peer.owed, buffer_.size()));
        stream.fill(peer.sent, chunk);
        if (options_.corrupt_at && *options_.corrupt_at - peer.sent < chunk.size())
            chunk[*options_.corrupt_at - peer.sent] ^= 1;
        const auto size = ::send(peer.socket.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
        if (size < 0)
            return is_transient(errno);
        peer.sent += static_cast<std::uint64_t>(size);
        peer.owed -= static_cast<std::uint64_t>(size);
    }
    return true;
}

void Server::deny(Peer& peer, std::uint64_t offset) {
    fmt::print("connection {:016x}: the byte at offset {} is wrong\n", peer.hello.connection, offset);
    std::fflush(stdout);
    std::uint8_t byte;
    Stream(peer.hello.connection, Direction::kToClient).fill(peer.sent, {&byte, 1});
    byte ^= 0xff;
    ::send(peer.socket.get(), &byte, 1, MSG_NOSIGNAL);
}

void Server::watch(Peer& peer) {
    const bool wants_more = !peer.ended && peer.owed <= kMaxOwed;
    const std::uint32_t interest = (wants_more ? EPOLLIN : 0U) | (peer.owed > 0 ? EPOLLOUT : 0U);
    if (interest == peer.interest)
        return;
    peer.interest = interest;
    epoll_event event{interest, {.fd = peer.socket.get()}};
    ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, peer.socket.get(), &event);
}

void Server::forget_silent() {
    const auto now = Clock::now();
    std::erase_if(peers_, [&](const auto& entry) { return now - entry.second.heard > kMaxSilence; });
}

}  // namespace guideway::connections
