// SPDX-License-Identifier: Apache-2.0
#include "connection.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <array>

namespace guideway::connections {

namespace {

constexpr std::array<std::string_view, kKinds> kTexts = {"idle", "bulk", "request", "churn"};
/// Answered bytes for each byte: requests are small and their answers fill several packets.
constexpr std::array<std::uint64_t, kKinds> kFactors = {1, 1, 16, 4};

std::string text_of_failure(int error) {
    switch (error) {
        case ECONNRESET:
        case EPIPE:
            return "reset";
        case ECONNREFUSED:
            return "refused";
        case ETIMEDOUT:
            return "timeout";
        default:
            return errno_text(error);
    }
}

bool is_transient(int error) {
    return error == EAGAIN || error == EINTR;
}

}  // namespace

std::string_view text(Kind kind) {
    return kTexts[static_cast<std::size_t>(kind)];
}

Connection::Connection(Kind kind, std::uint64_t id, UniqueFd socket, std::chrono::milliseconds timeout)
    : kind_(kind),
      id_(id),
      factor_(kFactors[static_cast<std::size_t>(kind)]),
      socket_(std::move(socket)),
      timeout_(timeout) {}

std::expected<Connection, std::string> Connection::open(Kind kind, std::uint64_t id, const Endpoint& vip,
                                                        std::chrono::milliseconds timeout) {
    UniqueFd socket(::socket(vip.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket)
        return Broken(errno_text());
    const int on = 1;
    const auto user_timeout = static_cast<unsigned>(timeout.count());
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, &user_timeout, sizeof(user_timeout));
    if (::connect(socket.get(), vip.get(), vip.length) != 0 && errno != EINPROGRESS)
        return Broken(text_of_failure(errno));
    return Connection(kind, id, std::move(socket), timeout);
}

Judgement Connection::proceed(std::span<std::uint8_t> buffer) {
    if (state_ == State::kConnecting)
        return begin();
    return receive(buffer);
}

Judgement Connection::begin() {
    int error = 0;
    socklen_t length = sizeof(error);
    ::getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &length);
    if (error != 0)
        return Broken("connect: " + text_of_failure(error));
    const Hello hello{id_, factor_};
    if (::send(socket_.get(), &hello, sizeof(hello), MSG_NOSIGNAL) != sizeof(hello))
        return Broken(text_of_failure(errno));
    state_ = State::kGreeting;
    return {};
}

Judgement Connection::receive(std::span<std::uint8_t> buffer) {
    const auto size = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
    if (size < 0)
        return is_transient(errno) ? Judgement() : Broken(text_of_failure(errno));
    if (size == 0) {
        if (state_ != State::kEnding || received_ != sent_ * factor_)
            return Broken("end of stream");
        state_ = State::kEnded;
        return {};
    }
    progressed_ = Clock::now();
    longest_silence_ = longest_silence(progressed_);
    heard_ = progressed_;
    if (auto taken = take(buffer.first(static_cast<std::size_t>(size))); !taken)
        return taken;
    return flush(buffer);
}

Judgement Connection::take(std::span<const std::uint8_t> bytes) {
    if (state_ == State::kGreeting) {
        const std::size_t whole =
            1U + (greeting_.empty() ? bytes[0] : static_cast<unsigned char>(greeting_[0]));
        const std::size_t size = std::min(whole - greeting_.size(), bytes.size());
        greeting_.append(reinterpret_cast<const char*>(bytes.data()), size);
        bytes = bytes.subspan(size);
        if (greeting_.size() == whole)
            state_ = State::kOpen;
    }
    const Stream expected(id_, Direction::kToClient);
    if (const auto wrong = expected.first_wrong(received_, bytes)) {
        received_ += *wrong;
        return Broken("corrupt byte");
    }
    received_ += bytes.size();
    if (received_ > sent_ * factor_)
        return Broken("more bytes than asked for");
    return {};
}

Judgement Connection::send(std::uint64_t bytes, std::span<std::uint8_t> buffer) {
    if (!waits())
        progressed_ = Clock::now();
    promised_ += bytes;
    return flush(buffer);
}

Judgement Connection::flush(std::span<std::uint8_t> buffer) {
    const Stream stream(id_, Direction::kToServer);
    while (state_ == State::kOpen && sent_ < promised_) {
        const auto chunk = buffer.first(std::min<std::uint64_t>(promised_ - sent_, buffer.size()));
        stream.fill(sent_, chunk);
        const auto size = ::send(socket_.get(), chunk.data(), chunk.size(), MSG_NOSIGNAL);
        if (size < 0)
            return is_transient(errno) ? Judgement() : Broken(text_of_failure(errno));
        sent_ += static_cast<std::uint64_t>(size);
    }
    return {};
}

void Connection::end() {
    ::shutdown(socket_.get(), SHUT_WR);
    progressed_ = Clock::now();
    promised_ = sent_;
    state_ = State::kEnding;
}

Judgement Connection::in_time(Clock::time_point now) const {
    if (!waits() || now - progressed_ <= timeout_)
        return {};
    return Broken(state_ == State::kConnecting ? "connect: timeout" : "timeout");
}

std::string Connection::source() const {
    sockaddr_storage local{};
    socklen_t length = sizeof(local);
    ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&local), &length);
    std::array<char, INET6_ADDRSTRLEN> address{};
    if (local.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(local);
        ::inet_ntop(AF_INET, &v4.sin_addr, address.data(), address.size());
        return fmt::format("{}:{}", address.data(), ntohs(v4.sin_port));
    }
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(local);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, address.data(), address.size());
    return fmt::format("[{}]:{}", address.data(), ntohs(v6.sin6_port));
}

}  // namespace guideway::connections
