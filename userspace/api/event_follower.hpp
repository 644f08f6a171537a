// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace guideway::api {

/// Follows the events of a runtime_dir's agent by its control socket, through restarts of the agent.
class EventFollower {
  public:
    struct Callbacks {
        std::function<void(const nlohmann::ordered_json&)> on_event;
        /// The agent does not answer any more, and why; it is tried again until it does.
        std::function<void(const std::string& why)> on_lost;
        std::function<void()> on_found;  ///< it answers again
    };

    /// Begins with the event after that id. The loop outlives it.
    EventFollower(boost::asio::io_context& loop, const std::string& runtime_dir, std::uint64_t after,
                  Callbacks callbacks);

    /// Goes on for as long as the loop runs.
    [[nodiscard]] boost::asio::awaitable<void> follow();

  private:
    [[nodiscard]] boost::asio::awaitable<std::string> read_stream();
    void take(std::string_view text);
    void take_line(std::string_view line);

    boost::asio::io_context& loop_;
    std::string socket_;
    std::uint64_t after_;
    Callbacks callbacks_;
    bool lost_ = false;
    std::string begun_line_;
};

}  // namespace guideway::api
