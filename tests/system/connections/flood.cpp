// SPDX-License-Identifier: Apache-2.0
#include "flood.hpp"

#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <random>
#include <span>

#include "process.hpp"
#include "util/ip_address.hpp"

namespace guideway::connections {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatch = 64;
constexpr std::uint8_t kHops = 64;

/// What the TCP checksum covers besides the segment, for either family: IPv4 addresses are v4-mapped, whose
/// sum is that of the four bytes and 0xffff, which is 0.
struct Segment {
    IpAddress::Bytes source;
    IpAddress::Bytes destination;
    std::uint16_t length;
    std::uint16_t protocol;
    tcphdr tcp;
    std::array<std::uint8_t, 4> mss;
};

struct Packet {
    std::array<std::uint8_t, sizeof(ip6_hdr) + sizeof(tcphdr) + 4> bytes;
    std::size_t size;
};

std::uint16_t checksum(const Segment& segment) {
    std::array<std::uint16_t, sizeof(Segment) / 2> words;
    std::memcpy(words.data(), &segment, sizeof(segment));
    std::uint32_t sum = 0;
    for (const auto word : words)
        sum += word;
    sum = (sum & 0xffff) + (sum >> 16);
    return static_cast<std::uint16_t>(~(sum + (sum >> 16)));
}

/// Makes SYNs from random addresses of a prefix, and random ports.
class Syns {
  public:
    Syns(const IpAddress& sources, unsigned bits, const IpAddress& vip, std::uint16_t port)
        : sources_(sources),
          bits_(bits + (vip.is_v4() ? 96 : 0)),
          v4_(vip.is_v4()),
          random_(std::random_device()()) {
        segment_.destination = vip.bytes();
        segment_.length = htons(sizeof(tcphdr) + segment_.mss.size());
        segment_.protocol = htons(IPPROTO_TCP);
        segment_.mss = {TCPOPT_MAXSEG, TCPOLEN_MAXSEG, 1440 >> 8, 1440 & 0xff};
        segment_.tcp.th_dport = htons(port);
        segment_.tcp.th_off = (sizeof(tcphdr) + segment_.mss.size()) / 4;
        segment_.tcp.th_flags = TH_SYN;
        segment_.tcp.th_win = 0xffff;
    }

    void make(Packet& packet) {
        segment_.source = random_source();
        segment_.tcp.th_sport = static_cast<std::uint16_t>(random_());
        segment_.tcp.th_seq = static_cast<std::uint32_t>(random_());
        segment_.tcp.th_sum = 0;
        segment_.tcp.th_sum = checksum(segment_);
        packet.size = v4_ ? put_ipv4(packet) : put_ipv6(packet);
        std::memcpy(packet.bytes.data() + packet.size, &segment_.tcp, sizeof(tcphdr) + segment_.mss.size());
        packet.size += sizeof(tcphdr) + segment_.mss.size();
    }

  private:
    IpAddress::Bytes random_source() {
        IpAddress::Bytes bytes;
        const std::array<std::uint64_t, 2> random{random_(), random_()};
        std::memcpy(bytes.data(), random.data(), bytes.size());
        const std::size_t whole = bits_ / 8;
        std::copy_n(sources_.bytes().begin(), whole, bytes.begin());
        if (bits_ % 8 != 0) {
            const auto kept = static_cast<std::uint8_t>(0xff00 >> (bits_ % 8));
            bytes[whole] =
                (sources_.bytes()[whole] & kept) | (bytes[whole] & static_cast<std::uint8_t>(~kept));
        }
        return bytes;
    }

    std::size_t put_ipv4(Packet& packet) const {
        iphdr header{};
        header.version = 4;
        header.ihl = 5;
        header.ttl = kHops;
        header.protocol = IPPROTO_TCP;
        std::memcpy(&header.saddr, segment_.source.data() + 12, 4);
        std::memcpy(&header.daddr, segment_.destination.data() + 12, 4);
        std::memcpy(packet.bytes.data(), &header, sizeof(header));  // the kernel adds length and checksum
        return sizeof(header);
    }

    std::size_t put_ipv6(Packet& packet) const {
        ip6_hdr header{};
        header.ip6_flow = htonl(6U << 28);
        header.ip6_plen = segment_.length;
        header.ip6_nxt = IPPROTO_TCP;
        header.ip6_hops = kHops;
        std::memcpy(&header.ip6_src, segment_.source.data(), 16);
        std::memcpy(&header.ip6_dst, segment_.destination.data(), 16);
        std::memcpy(packet.bytes.data(), &header, sizeof(header));
        return sizeof(header);
    }

    IpAddress sources_;
    unsigned bits_;
    bool v4_;
    std::mt19937_64 random_;
    Segment segment_{};
};

Result<Syns> make_syns(const FloodOptions& options) {
    const auto vip = IpAddress::parse(options.address);
    const auto slash = options.sources.find('/');
    const auto first = IpAddress::parse(options.sources.substr(0, slash));
    if (!vip || !first || slash == std::string::npos || vip->is_v4() != first->is_v4())
        return fail("flood '{}' from '{}': wanted an address and a prefix of its family", options.address,
                    options.sources);
    unsigned bits = 0;
    const char* end = options.sources.data() + options.sources.size();
    const auto [rest, error] = std::from_chars(options.sources.data() + slash + 1, end, bits);
    if (error != std::errc() || rest != end || bits > first->wire_size() * 8)
        return fail("flood from '{}': not a prefix", options.sources);
    return Syns(*first, bits, *vip, options.port);
}

/// Sends them all, however often the kernel's queue is full in between.
Result<void> send_batch(int socket, std::span<mmsghdr> messages) {
    while (!messages.empty()) {
        const int sent = ::sendmmsg(socket, messages.data(), messages.size(), 0);
        if (sent >= 0)
            messages = messages.subspan(static_cast<std::size_t>(sent));
        else if (errno != ENOBUFS && errno != EAGAIN && errno != EINTR)
            return fail("send a SYN: {}", errno_text());
    }
    return {};
}

}  // namespace

Result<std::uint64_t> flood(const FloodOptions& options, const UniqueFd& end) {
    auto syns = make_syns(options);
    if (!syns)
        return std::unexpected(syns.error());
    // A raw socket's address carries no port.
    auto destination = make_endpoint(options.address, 0);
    if (!destination)
        return std::unexpected(destination.error());
    const UniqueFd socket(::socket(destination->address.ss_family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
    if (!socket)
        return fail("open a raw socket: {} (the flood needs root)", errno_text());

    std::array<Packet, kBatch> packets;
    std::array<iovec, kBatch> vectors;
    std::array<mmsghdr, kBatch> messages{};
    for (std::size_t i = 0; i < kBatch; ++i) {
        messages[i].msg_hdr.msg_name = &destination->address;
        messages[i].msg_hdr.msg_namelen = destination->length;
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    const auto start = Clock::now();
    std::uint64_t sent = 0;
    while (sent < options.count && Clock::now() - start < options.seconds && !is_readable(end)) {
        const auto elapsed = std::chrono::duration<double>(Clock::now() - start).count();
        const auto due = options.rate == 0
                             ? options.count
                             : std::min(options.count, static_cast<std::uint64_t>(elapsed * options.rate));
        const std::size_t size = std::min<std::uint64_t>(kBatch, due - std::min(due, sent));
        if (size == 0) {
            const timespec tick{.tv_sec = 0, .tv_nsec = 1'000'000};
            ::nanosleep(&tick, nullptr);
            continue;
        }
        for (std::size_t i = 0; i < size; ++i) {
            syns->make(packets[i]);
            vectors[i] = {packets[i].bytes.data(), packets[i].size};
        }
        if (auto done = send_batch(socket.get(), std::span(messages).first(size)); !done)
            return std::unexpected(done.error());
        sent += size;
    }
    return sent;
}

}  // namespace guideway::connections
