// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "connection.hpp"
#include "control.hpp"
#include "pace.hpp"
#include "report.hpp"

namespace guideway::connections {

struct HoldOptions {
    std::size_t count = 1000;
    /// Shares of idle, bulk and request/response.
    std::array<unsigned, 3> shares{33, 33, 34};
    std::chrono::milliseconds idle_every{1000};
    std::chrono::milliseconds request_every{500};
    std::uint64_t bulk_rate = 4096;
    unsigned churn = 0;
    std::chrono::milliseconds timeout{5000};
    std::chrono::seconds at_most{3600};
    std::string control;
    std::string report;
    std::uint16_t port = 0;
    std::vector<std::string> addresses;
};

/// Holds connections, each as busy as its kind, judges them, and does what a test asks over the control
/// socket.
class Client {
  public:
    [[nodiscard]] static Result<Client> create(const HoldOptions& options);
    /// Until it is asked to end, by a test or by `end` being readable.
    [[nodiscard]] Result<void> run(const UniqueFd& end);

  private:
    /// A connection that shall be held. When it breaks, its place stays empty until `reopen`.
    struct Place {
        Kind kind;
        std::size_t vip;
        std::uint64_t connection = 0;
    };
    /// All places of a kind take turns.
    struct Round {
        std::vector<Place*> places;
        std::size_t next = 0;
        Pace pace{0};
        std::uint64_t bytes = 1;
    };

    Client(const HoldOptions& options, Control control);
    void make_places();
    [[nodiscard]] Result<void> write_report() const;
    void tick(Clock::time_point now);
    void open_wanted(Clock::time_point now);
    void open_churn(Clock::time_point now);
    void take_turns(Clock::time_point now);
    void end_all();

    std::uint64_t open(Kind kind, std::size_t vip);
    void proceed(std::uint64_t id);
    void has_opened(Connection& connection);
    void watch(const Connection& connection, std::uint32_t events, int operation);
    [[nodiscard]] bool lives(const Place& place) const { return connections_.contains(place.connection); }
    /// False when the judgement is that it is broken; then it is gone.
    bool judge(Connection& connection, const Judgement& judgement);

    [[nodiscard]] Control::Answer handle(const std::string& line);
    [[nodiscard]] Control::Answer when_established();
    [[nodiscard]] Control::Answer when_reopened();
    [[nodiscard]] Control::Answer when_answered();
    [[nodiscard]] Control::Answer when_ended();
    [[nodiscard]] bool establishing() const;
    [[nodiscard]] std::size_t live() const;
    [[nodiscard]] nlohmann::json served_by() const;
    [[nodiscard]] nlohmann::json report() const;

    HoldOptions options_;
    Control control_;
    UniqueFd epoll_;
    std::vector<Endpoint> vips_;
    std::vector<Place> places_;
    std::array<Round, 3> rounds_;
    std::deque<Place*> wanted_;
    Pace opening_;
    Pace churning_;
    std::unordered_map<std::uint64_t, Connection> connections_;
    std::uint64_t next_id_;
    std::size_t churned_ = 0;
    bool ending_ = false;
    Report report_;
    std::vector<std::uint8_t> buffer_ = std::vector<std::uint8_t>(kChunk);
};

}  // namespace guideway::connections
