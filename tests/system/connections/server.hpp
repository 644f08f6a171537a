// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "process.hpp"
#include "protocol.hpp"
#include "stream.hpp"

namespace guideway::connections {

struct ServeOptions {
    std::string name;
    std::uint16_t port = 0;
    std::vector<std::string> addresses;
    /// One byte that is wrong in every stream sent: to see that clients notice.
    std::optional<std::uint64_t> corrupt_at;
};

/// A backend's server: tells its name, checks what it gets, answers with numbered bytes.
class Server {
  public:
    /// Listens on all addresses, whether the host has them yet or not.
    [[nodiscard]] static Result<Server> listen(const ServeOptions& options);
    /// Serves until `end` is readable.
    [[nodiscard]] Result<void> run(const UniqueFd& end);

  private:
    using Clock = std::chrono::steady_clock;

    struct Peer {
        UniqueFd socket;
        Hello hello{};
        std::size_t hello_size = 0;
        std::uint64_t received = 0;
        std::uint64_t sent = 0;
        std::uint64_t owed = 0;
        bool ended = false;
        std::uint32_t interest = 0;
        Clock::time_point heard;
    };

    explicit Server(const ServeOptions& options) : options_(options) {}
    [[nodiscard]] Result<void> accept_all(int listener);
    void welcome(UniqueFd socket);
    /// False when the peer is done with, one way or another.
    [[nodiscard]] bool serve(Peer& peer);
    [[nodiscard]] bool receive(Peer& peer);
    [[nodiscard]] bool take(Peer& peer, std::span<const std::uint8_t> bytes);
    [[nodiscard]] bool pay(Peer& peer);
    void deny(Peer& peer, std::uint64_t offset);
    void watch(Peer& peer);
    void forget_silent();

    ServeOptions options_;
    UniqueFd epoll_;
    std::unordered_map<int, UniqueFd> listeners_;
    std::unordered_map<int, Peer> peers_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(kChunk);
};

}  // namespace guideway::connections
