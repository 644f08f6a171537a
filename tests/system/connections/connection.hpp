// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>

#include "process.hpp"
#include "protocol.hpp"
#include "stream.hpp"

namespace guideway::connections {

using Clock = std::chrono::steady_clock;

enum class Kind : std::uint8_t { kIdle, kBulk, kRequest, kChurn };
constexpr std::size_t kKinds = 4;
[[nodiscard]] std::string_view text(Kind kind);

/// What became of a connection, in words: "reset", "end of stream", "timeout", "corrupt byte", ...
using Broken = std::unexpected<std::string>;
using Judgement = std::expected<void, std::string>;

/// The client's end of one connection. Whatever fails to go as it should is returned as Broken; after that
/// the connection is only good for telling about itself.
class Connection {
  public:
    enum class State : std::uint8_t { kConnecting, kGreeting, kOpen, kEnding, kEnded };

    /// Begins to connect.
    [[nodiscard]] static std::expected<Connection, std::string> open(Kind kind, std::uint64_t id,
                                                                     const Endpoint& vip,
                                                                     std::chrono::milliseconds timeout);

    /// Does what the kernel says is possible: connects, receives, sees the end.
    [[nodiscard]] Judgement proceed(std::span<std::uint8_t> buffer);
    /// Sends so many more numbered bytes, as soon as connection and kernel take them.
    [[nodiscard]] Judgement send(std::uint64_t bytes, std::span<std::uint8_t> buffer);
    /// Says that nothing more will be sent; the server's end has to follow its last answer.
    void end();
    /// Broken when an answer has not come any further for the timeout.
    [[nodiscard]] Judgement in_time(Clock::time_point now) const;

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] std::uint64_t id() const { return id_; }
    [[nodiscard]] State state() const { return state_; }
    [[nodiscard]] int fd() const { return socket_.get(); }
    /// The backend's name; empty until it has told it.
    [[nodiscard]] std::string backend() const { return state_ < State::kOpen ? "" : greeting_.substr(1); }
    [[nodiscard]] std::uint64_t promised() const { return promised_; }
    [[nodiscard]] std::uint64_t sent() const { return sent_; }
    [[nodiscard]] std::uint64_t received() const { return received_; }
    /// Every byte promised up to there is sent and answered.
    [[nodiscard]] bool has_answer_to(std::uint64_t offset) const { return received_ >= offset * factor_; }
    [[nodiscard]] bool waits() const { return state_ != State::kOpen || received_ < sent_ * factor_; }
    /// For how long it has heard nothing, at the most.
    [[nodiscard]] Clock::duration longest_silence(Clock::time_point now) const {
        return std::max(longest_silence_, now - heard_);
    }
    /// `203.0.113.2:40000`
    [[nodiscard]] std::string source() const;

  private:
    Connection(Kind kind, std::uint64_t id, UniqueFd socket, std::chrono::milliseconds timeout);
    [[nodiscard]] Judgement begin();
    [[nodiscard]] Judgement receive(std::span<std::uint8_t> buffer);
    [[nodiscard]] Judgement take(std::span<const std::uint8_t> bytes);
    [[nodiscard]] Judgement flush(std::span<std::uint8_t> buffer);

    Kind kind_;
    State state_ = State::kConnecting;
    std::uint64_t id_;
    std::uint64_t factor_;
    UniqueFd socket_;
    std::chrono::milliseconds timeout_;
    Clock::time_point progressed_ = Clock::now();
    Clock::time_point heard_ = progressed_;
    Clock::duration longest_silence_{0};
    std::string greeting_;
    std::uint64_t promised_ = 0;
    std::uint64_t sent_ = 0;
    std::uint64_t received_ = 0;
};

}  // namespace guideway::connections
