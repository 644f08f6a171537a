// SPDX-License-Identifier: Apache-2.0
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <random>
#include <vector>

#include "health/check.hpp"
#include "health/probe_socket.hpp"
#include "util/unique_fd.hpp"

namespace guideway::health {

namespace asio = boost::asio;
using boost::system::error_code;

namespace {
constexpr std::size_t kHeader = 8;  ///< of an echo message, in both families
using Token = std::array<std::uint8_t, 16>;

error_code last_error() {
    return {errno, boost::system::system_category()};
}

/// A socket for echo messages to one address. Raw where the kernel does not give out ping sockets
/// (net.ipv4.ping_group_range).
struct EchoSocket {
    UniqueFd fd;
    bool raw_v4 = false;  ///< the kernel hands over IP headers, and leaves checksums to the sender
};

std::expected<EchoSocket, error_code> open_socket(bool v4) {
    const int family = v4 ? AF_INET : AF_INET6;
    const int protocol = v4 ? +IPPROTO_ICMP : +IPPROTO_ICMPV6;
    constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
    if (UniqueFd ping(::socket(family, SOCK_DGRAM | kFlags, protocol)); ping)
        return EchoSocket{std::move(ping), false};
    if (errno != EACCES && errno != EPERM && errno != EPROTONOSUPPORT)
        return std::unexpected(last_error());
    UniqueFd raw(::socket(family, SOCK_RAW | kFlags, protocol));
    if (!raw)
        return std::unexpected(last_error());
    return EchoSocket{std::move(raw), v4};
}

/// Neither this host nor a router may fragment what tests the size of the way.
error_code forbid_fragments(int fd, bool v4) {
    const int probe = v4 ? IP_PMTUDISC_PROBE : IPV6_PMTUDISC_PROBE;
    const int done = v4 ? ::setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe))
                        : ::setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe));
    return done == 0 ? error_code{} : last_error();
}

error_code connect_socket(int fd, const IpAddress& address) {
    sockaddr_storage storage{};
    socklen_t size = 0;
    if (address.is_v4()) {
        auto* to = reinterpret_cast<sockaddr_in*>(&storage);
        to->sin_family = AF_INET;
        std::memcpy(&to->sin_addr, address.wire(), sizeof(to->sin_addr));
        size = sizeof(*to);
    } else {
        auto* to = reinterpret_cast<sockaddr_in6*>(&storage);
        to->sin6_family = AF_INET6;
        std::memcpy(&to->sin6_addr, address.wire(), sizeof(to->sin6_addr));
        size = sizeof(*to);
    }
    return ::connect(fd, reinterpret_cast<const sockaddr*>(&storage), size) == 0 ? error_code{}
                                                                                 : last_error();
}

std::uint16_t internet_checksum(const std::vector<std::uint8_t>& bytes) {
    std::uint32_t sum = 0;
    for (std::size_t i = 0; i < bytes.size(); i += 2)
        sum += bytes[i] << 8 | (i + 1 < bytes.size() ? bytes[i + 1] : 0);
    sum = (sum & 0xffff) + (sum >> 16);
    sum += sum >> 16;
    return static_cast<std::uint16_t>(~sum);
}

/// The token tells this probe's answer from others': raw sockets see them all.
Token random_token() {
    static thread_local std::mt19937_64 random{std::random_device{}()};
    Token token;
    for (auto& byte : token)
        byte = static_cast<std::uint8_t>(random());
    return token;
}

std::vector<std::uint8_t> request(bool v4, const Token& token, std::uint32_t packet_size) {
    const std::size_t wanted = packet_size == 0 ? 0 : packet_size - (v4 ? 20 : 40);
    std::vector<std::uint8_t> message(std::max(wanted, kHeader + token.size()));
    message[0] = v4 ? +ICMP_ECHO : +ICMP6_ECHO_REQUEST;
    std::copy(token.begin(), token.begin() + 2, message.begin() + 4);  // its identifier
    std::ranges::copy(token, message.begin() + kHeader);
    if (v4) {
        const std::uint16_t sum = internet_checksum(message);
        message[2] = static_cast<std::uint8_t>(sum >> 8);
        message[3] = static_cast<std::uint8_t>(sum);
    }
    return message;
}

bool is_answer(const std::uint8_t* bytes, std::size_t size, bool v4, bool raw_v4, const Token& token) {
    const std::size_t skipped = raw_v4 && size > 0 ? (bytes[0] & 0xf) * 4U : 0;
    if (size < skipped + kHeader + token.size())
        return false;
    const std::uint8_t* message = bytes + skipped;
    return message[0] == (v4 ? +ICMP_ECHOREPLY : +ICMP6_ECHO_REPLY) &&
           std::equal(token.begin(), token.end(), message + kHeader);
}

class IcmpCheck : public Check {
  public:
    asio::awaitable<Outcome> probe(Attempt& attempt) const override { return echo(attempt, 0); }
};
}  // namespace

asio::awaitable<Outcome> echo(Attempt& attempt, std::uint32_t packet_size) {
    const Way& way = attempt.way;
    const bool v4 = way.address.is_v4();
    attempt.awaited = "echo reply";
    auto opened = open_socket(v4);
    if (!opened)
        co_return not_sent(opened.error(), "open an ICMP socket");
    auto error = mark_socket(opened->fd.get(), way);
    if (!error && packet_size > 0)
        error = forbid_fragments(opened->fd.get(), v4);
    if (error)
        co_return not_sent(error, "set up an ICMP socket");
    if (error = connect_socket(opened->fd.get(), way.address); error)
        co_return not_sent(error, "connect");

    asio::posix::stream_descriptor socket(co_await asio::this_coro::executor, opened->fd.release());
    const Token token = random_token();
    socket.write_some(asio::buffer(request(v4, token, packet_size)), error);
    if (error)
        co_return not_sent(error, "send an echo request");
    std::array<std::uint8_t, 256> answer;
    while (true) {
        const auto [failed, size] =
            co_await socket.async_read_some(asio::buffer(answer), asio::as_tuple(asio::use_awaitable));
        if (failed)
            co_return outcome_of(failed, "receive an echo reply");
        if (is_answer(answer.data(), size, v4, opened->raw_v4, token))
            co_return Outcome::good();
    }
}

std::shared_ptr<const Check> make_icmp_check() {
    return std::make_shared<IcmpCheck>();
}

}  // namespace guideway::health
