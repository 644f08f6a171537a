// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "api/http_server.hpp"
#include "api/snapshot_reader.hpp"
#include "util/coroutines.hpp"

namespace guideway::agent {

/// Makes the snapshots that servers show, for all who ask at about the same time together. The agent's part
/// is collected on the loop, the kernel's is read beside it. Large ones are made so seldom that they take a
/// third of a thread at most.
class Snapshots {
  public:
    /// What the agent knows; runs on the loop.
    struct Collect {
        std::function<boost::asio::awaitable<api::AgentKnowledge>(api::Detail)> all;
        std::function<boost::asio::awaitable<api::AgentKnowledge>(std::string)> service;
    };

    Snapshots(boost::asio::io_context& loop, api::HttpThreads threads, const datapath::Maps& maps,
              const datapath::Pins& pins, Collect collect);

    /// For the thread that talks. One that holds more than was asked for will do.
    [[nodiscard]] boost::asio::awaitable<Result<std::shared_ptr<const api::Snapshot>>> current(
        api::Detail detail);

    /// One service with its backends, nothing if there is none of that name; made anew for each who asks.
    [[nodiscard]] boost::asio::awaitable<Result<std::optional<api::ServiceSnapshot>>> service(
        std::string name);
    /// Its slots, `at_most` so many.
    [[nodiscard]] boost::asio::awaitable<std::optional<api::TableSnapshot>> table(std::string name,
                                                                                  std::uint32_t at_most);

    /// Something was done that the next one has to show. From any thread.
    void outdated() { ++generation_; }

    /// As SnapshotReader's.
    void table_changed(std::uint16_t service_number, std::optional<control::TableFacts> facts) {
        reader_.table_changed(service_number, std::move(facts));
    }

  private:
    using Clock = std::chrono::steady_clock;
    struct Kept {
        std::shared_ptr<const api::Snapshot> snapshot;
        std::uint64_t generation = 0;
        Clock::time_point until;
    };

    [[nodiscard]] std::shared_ptr<const api::Snapshot> kept(api::Detail detail) const;
    [[nodiscard]] boost::asio::awaitable<Result<std::shared_ptr<const api::Snapshot>>> make(
        api::Detail detail);
    void forget_later();

    boost::asio::io_context& loop_;
    api::HttpThreads threads_;
    Collect collect_;
    api::SnapshotReader reader_;
    CoroutineMutex making_;
    std::atomic<std::uint64_t> generation_ = 0;
    std::array<Kept, 2> kept_;  ///< by detail
    boost::asio::steady_timer forget_timer_;
};

}  // namespace guideway::agent
