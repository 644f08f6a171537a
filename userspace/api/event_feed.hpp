// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "api/http_server.hpp"

namespace guideway::api {

/// The latest events, as lines of JSON, for all who read them, and who waits for the next one. The loop adds,
/// servers' threads read; nobody waits for a reader. A reader that is too slow misses what is kept no longer.
class EventFeed {
  public:
    static constexpr std::size_t kKept = 10'000;

    /// `talking`: the context whose thread awaits wait_beyond(). It outlives the feed, or is discarded first.
    explicit EventFeed(boost::asio::io_context& talking, std::size_t kept = kKept)
        : talking_(talking), kept_(kept) {}
    EventFeed(const EventFeed&) = delete;
    EventFeed& operator=(const EventFeed&) = delete;

    struct Line {
        std::uint64_t id = 0;
        std::shared_ptr<const std::string> json;
    };

    /// Ids rise. From any thread.
    void add(std::uint64_t id, std::string json);

    /// The first ones after that id, at most so many. From any thread.
    [[nodiscard]] std::vector<Line> after(std::uint64_t id, std::size_t at_most) const;

    /// The ids of the first and the last one that is kept; both are 0 if there is none. From any thread.
    struct Range {
        std::uint64_t first = 0, last = 0;
    };
    [[nodiscard]] Range range() const;

    /// Returns when there is one after that id, or the time has come.
    [[nodiscard]] boost::asio::awaitable<void> wait_beyond(std::uint64_t id,
                                                           std::chrono::steady_clock::time_point until);

  private:
    class Waiting;
    void wake();

    boost::asio::io_context& talking_;
    const std::size_t kept_;
    mutable std::mutex mutex_;  ///< of lines_
    std::deque<Line> lines_;
    std::set<boost::asio::steady_timer*> waiting_;  ///< of the thread that talks
    std::atomic<int> readers_waiting_ = 0;
    std::atomic<bool> wake_is_due_ = false;
};

/// `{"events": [...], "first": 1, "last": 7}`: the first ones after that id, at most so many, piece by piece.
/// `first` and `last` are those of all that are kept.
[[nodiscard]] std::unique_ptr<BodySource> event_list(const EventFeed& feed, std::uint64_t after,
                                                     std::size_t at_most);

/// A stream of server-sent events: those after that id, then each when it happens; a comment now and then
/// shows that it goes on.
[[nodiscard]] std::unique_ptr<LiveBody> event_stream(EventFeed& feed, std::uint64_t after);

/// How often that comment comes, if there is nothing else.
inline constexpr std::chrono::seconds kStreamHeartbeat{15};

}  // namespace guideway::api
