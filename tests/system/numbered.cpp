// SPDX-License-Identifier: Apache-2.0
// Numbered datagrams, to tell exactly what a network loses and what it delivers twice.
//
//   numbered send [--rate R] [--flows F] [--count N] SENT PORT ADDRESS...
//       writes what it sent, from F source ports
//   numbered sink GOT PORT ADDRESS...
//       writes what it got
//   numbered compare SENT GOT...
//       exit status 1 if that is not the same
//
// `send` ends after N datagrams or with SIGTERM; `sink` with SIGTERM, once nothing more arrives. Both write
// lines of `FLOW FIRST LAST TIMES`: the datagrams FIRST to LAST of the flow, TIMES times each. A flow is its
// source port.
#include <fmt/format.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "process.hpp"
#include "util/result.hpp"
#include "util/unique_fd.hpp"

namespace {

using namespace guideway;
using Clock = std::chrono::steady_clock;

constexpr std::uint16_t kFirstSourcePort = 40000;
constexpr std::size_t kPayload = 64;
constexpr std::chrono::milliseconds kTick{1};
/// A sender that was held up catches up slowly: a burst that overflows a queue would be its own fault.
constexpr std::uint64_t kTicksAtOnce = 3;
/// Beyond what a run sends while its sink cannot be scheduled.
constexpr int kReceiveBuffer = 64 << 20;
constexpr std::chrono::milliseconds kSilence{500};

struct Datagram {
    std::uint32_t flow;
    std::uint32_t number;
    char padding[kPayload - 8];
};

/// A socket at that address, whether the host has it yet or not.
Result<UniqueFd> socket_at(const std::string& text, std::uint16_t port) {
    const auto local = make_endpoint(text, port);
    if (!local)
        return std::unexpected(local.error());
    UniqueFd socket(::socket(local->address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    const bool v4 = local->is_v4();
    if (!socket ||
        ::setsockopt(socket.get(), v4 ? IPPROTO_IP : IPPROTO_IPV6, v4 ? IP_FREEBIND : IPV6_FREEBIND, &on,
                     sizeof(on)) != 0 ||
        ::bind(socket.get(), local->get(), local->length) != 0)
        return fail("bind to {} port {}: {}", text, port, errno_text());
    return socket;
}

// --- send ---

struct Flow {
    UniqueFd socket;
    Endpoint destination;
    Datagram next{};
};

struct SendOptions {
    std::uint64_t rate = 20000;
    std::uint16_t flows = 200;
    std::uint64_t count = UINT64_MAX;
    std::uint16_t port = 0;
    std::vector<std::string> addresses;
};

Result<std::vector<Flow>> open_flows(const SendOptions& options) {
    std::vector<Flow> flows;
    for (std::uint16_t i = 0; i < options.flows; ++i) {
        const auto& address = options.addresses[i % options.addresses.size()];
        const auto destination = make_endpoint(address, options.port);
        if (!destination)
            return std::unexpected(destination.error());
        const auto source_port = static_cast<std::uint16_t>(kFirstSourcePort + i);
        auto socket = socket_at(destination->is_v4() ? "0.0.0.0" : "::", source_port);
        if (!socket)
            return std::unexpected(socket.error());
        Flow flow{std::move(*socket), *destination, {}};
        flow.next.flow = source_port;
        flows.push_back(std::move(flow));
    }
    return flows;
}

Result<void> send_next(Flow& flow) {
    while (::sendto(flow.socket.get(), &flow.next, sizeof(flow.next), 0, flow.destination.get(),
                    flow.destination.length) < 0) {
        if (errno != EINTR && errno != ENOBUFS)
            return fail("send from port {}: {}", flow.next.flow, errno_text());
    }
    ++flow.next.number;
    return {};
}

Result<void> send(const SendOptions& options, std::ofstream& file) {
    const UniqueFd end = end_signal();
    auto flows = open_flows(options);
    if (!flows)
        return std::unexpected(flows.error());
    const std::uint64_t per_tick =
        std::max<std::uint64_t>(1, options.rate * static_cast<std::uint64_t>(kTick.count()) / 1000);
    const auto start = Clock::now();
    std::uint64_t sent = 0;
    while (sent < options.count && !is_readable(end)) {
        const auto elapsed = std::chrono::duration<double>(Clock::now() - start).count();
        const auto due =
            std::min(options.count, static_cast<std::uint64_t>(elapsed * static_cast<double>(options.rate)));
        const std::uint64_t until = std::min(due, sent + kTicksAtOnce * per_tick);
        for (; sent < until; ++sent) {
            if (auto done = send_next((*flows)[sent % flows->size()]); !done)
                return done;
        }
        timespec tick{0, std::chrono::nanoseconds(kTick).count()};
        ::nanosleep(&tick, nullptr);
    }
    for (const auto& flow : *flows) {
        if (flow.next.number > 0)
            file << fmt::format("{} 0 {} 1\n", flow.next.flow, flow.next.number - 1);
    }
    const auto elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    fmt::print("{:.0f} datagrams/s for {:.1f} s\n", static_cast<double>(sent) / elapsed, elapsed);
    return {};
}

// --- sink ---

/// How often each number of each flow was seen.
using Seen = std::map<std::uint32_t, std::vector<std::uint32_t>>;

void note(Seen& seen, std::uint32_t flow, std::uint32_t number, std::uint32_t times) {
    auto& numbers = seen[flow];
    if (numbers.size() <= number)
        numbers.resize(std::max<std::size_t>(number + 1, numbers.size() * 2));
    numbers[number] += times;
}

/// Until the socket is empty.
Result<void> receive(const UniqueFd& socket, Seen& seen) {
    Datagram datagram;
    for (;;) {
        const auto size = ::recv(socket.get(), &datagram, sizeof(datagram), MSG_DONTWAIT);
        if (size == sizeof(datagram))
            note(seen, datagram.flow, datagram.number, 1);
        else if (size < 0 && errno == EAGAIN)
            return {};
        else if (size < 0 && errno != EINTR)
            return fail("receive: {}", errno_text());
        else if (size >= 0)
            return fail("receive: a datagram of {} bytes, which is not one of ours", size);
    }
}

Result<void> check_dropped_nothing(const UniqueFd& socket) {
    std::uint32_t memory[SK_MEMINFO_VARS] = {};
    socklen_t length = sizeof(memory);
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_MEMINFO, memory, &length) != 0)
        return fail("ask for dropped datagrams: {}", errno_text());
    if (memory[SK_MEMINFO_DROPS] != 0)
        return fail("the sink itself dropped {} datagrams", memory[SK_MEMINFO_DROPS]);
    return {};
}

void write_seen(const Seen& seen, std::ofstream& file) {
    for (const auto& [flow, numbers] : seen) {
        for (std::size_t first = 0, last; first < numbers.size(); first = last) {
            for (last = first; last < numbers.size() && numbers[last] == numbers[first];)
                ++last;
            if (numbers[first] > 0)
                file << fmt::format("{} {} {} {}\n", flow, first, last - 1, numbers[first]);
        }
    }
}

Result<void> sink(std::uint16_t port, const std::vector<std::string>& addresses, std::ofstream& file) {
    const UniqueFd end = end_signal();
    std::vector<UniqueFd> sockets;
    std::vector<pollfd> polls;
    for (const auto& address : addresses) {
        auto socket = socket_at(address, port);
        if (!socket)
            return std::unexpected(socket.error());
        if (::setsockopt(socket->get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer,
                         sizeof(kReceiveBuffer)) != 0)
            return fail("make the receive buffer large: {}", errno_text());
        polls.push_back({socket->get(), POLLIN, 0});
        sockets.push_back(std::move(*socket));
    }
    polls.push_back({end.get(), POLLIN, 0});
    fmt::print("listening on port {}\n", port);
    std::fflush(stdout);

    Seen seen;
    bool ending = false;
    for (;;) {
        const int ready =
            ::poll(polls.data(), polls.size(), ending ? static_cast<int>(kSilence.count()) : -1);
        if (ready == 0)
            break;
        for (const auto& socket : sockets) {
            if (auto received = receive(socket, seen); !received)
                return received;
        }
        if (!ending && polls.back().revents != 0) {
            ending = true;
            polls.back().fd = -1;
        }
    }
    write_seen(seen, file);
    for (const auto& socket : sockets) {
        if (auto checked = check_dropped_nothing(socket); !checked)
            return checked;
    }
    return {};
}

// --- compare ---

Result<Seen> read_seen(const std::vector<std::string>& paths) {
    Seen seen;
    for (const auto& path : paths) {
        std::ifstream file(path);
        if (!file)
            return fail("read {}: {}", path, errno_text());
        std::uint32_t flow, first, last, times;
        while (file >> flow >> first >> last >> times) {
            for (std::uint32_t number = first; number <= last; ++number)
                note(seen, flow, number, times);
        }
        if (!file.eof())
            return fail("read {}: not what `send` and `sink` print", path);
    }
    return seen;
}

Result<void> compare(const std::string& sent_path, const std::vector<std::string>& got_paths) {
    const auto sent = read_seen({sent_path});
    auto got = read_seen(got_paths);
    if (!sent || !got)
        return std::unexpected(sent ? got.error() : sent.error());
    std::uint64_t total = 0, lost = 0, duplicated = 0;
    for (const auto& [flow, numbers] : *sent) {
        auto& arrived = (*got)[flow];
        arrived.resize(std::max(arrived.size(), numbers.size()));
        for (std::size_t number = 0; number < arrived.size(); ++number) {
            const std::uint32_t wanted = number < numbers.size() ? numbers[number] : 0;
            total += wanted;
            lost += wanted > arrived[number] ? 1 : 0;
            duplicated += arrived[number] > wanted ? arrived[number] - wanted : 0;
        }
    }
    fmt::print("{} sent, {} lost, {} duplicated\n", total, lost, duplicated);
    if (total == 0 || lost > 0 || duplicated > 0)
        return fail("not what was sent");
    return {};
}

Result<void> write_to(const std::string& path, const std::function<Result<void>(std::ofstream&)>& write) {
    std::ofstream file(path);
    auto written = write(file);
    file.close();
    if (written && !file)
        return fail("write {}: {}", path, errno_text());
    return written;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Numbered datagrams: what is lost, what comes twice", "numbered");
    app.require_subcommand(1);
    SendOptions options;
    auto* send_command = app.add_subcommand("send", "Send them; write down what was sent");
    send_command->add_option("--rate", options.rate, "datagrams a second")->check(CLI::PositiveNumber);
    send_command->add_option("--flows", options.flows, "source ports")->check(CLI::Range(1, 20000));
    send_command->add_option("--count", options.count, "in all; otherwise until SIGTERM");
    auto* sink_command = app.add_subcommand("sink", "Receive them; write down what arrived");
    std::string path;
    for (auto* command : {send_command, sink_command}) {
        command->add_option("file", path)->required();
        command->add_option("port", options.port)->required();
        command->add_option("address", options.addresses)->required();
    }
    std::string sent;
    std::vector<std::string> got;
    auto* compare_command = app.add_subcommand("compare", "Compare what was sent with what arrived");
    compare_command->add_option("sent", sent)->required();
    compare_command->add_option("got", got)->required();
    CLI11_PARSE(app, argc, argv);

    Result<void> done;
    if (*send_command)
        done = write_to(path, [&](std::ofstream& file) { return send(options, file); });
    else if (*sink_command)
        done =
            write_to(path, [&](std::ofstream& file) { return sink(options.port, options.addresses, file); });
    else
        done = compare(sent, got);
    if (!done)
        fmt::print(stderr, "numbered: {}\n", done.error().message);
    return done ? 0 : 1;
}
