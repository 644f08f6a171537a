// SPDX-License-Identifier: Apache-2.0
#include "api/event_feed.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <utility>

namespace guideway::api {

namespace asio = boost::asio;

namespace {
/// In one piece of a list or stream; some tens of kilobytes.
constexpr std::size_t kLinesInPiece = 200;

class List final : public BodySource {
  public:
    List(const EventFeed& feed, std::uint64_t after, std::size_t at_most)
        : feed_(feed), range_(feed.range()), after_(after), left_(at_most) {}

    std::string next() override {
        if (ended_)
            return {};
        std::string piece = std::exchange(begun_, true) ? "" : "{\"events\": [";
        const auto lines = feed_.after(after_, std::min(left_, kLinesInPiece));
        for (const auto& line : lines) {
            if (line.id > range_.last)  // it happened meanwhile
                break;
            piece += std::exchange(some_, true) ? ",\n" : "\n";
            piece += *line.json;
            after_ = line.id;
            --left_;
        }
        ended_ = lines.empty() || left_ == 0 || after_ >= range_.last;
        if (ended_)
            piece += fmt::format("\n], \"first\": {}, \"last\": {}}}\n", range_.first, range_.last);
        return piece;
    }

  private:
    const EventFeed& feed_;
    const EventFeed::Range range_;
    std::uint64_t after_;
    std::size_t left_;
    bool begun_ = false, some_ = false, ended_ = false;
};

class Stream final : public LiveBody {
  public:
    Stream(EventFeed& feed, std::uint64_t after) : feed_(feed), after_(after) {}

    /// The first piece comes at once: it shows the client that it is connected.
    asio::awaitable<std::string> next() override {
        auto lines = feed_.after(after_, kLinesInPiece);
        if (lines.empty() && std::exchange(begun_, true)) {
            const auto until = std::chrono::steady_clock::now() + kStreamHeartbeat;
            co_await feed_.wait_beyond(after_, until);
            lines = feed_.after(after_, kLinesInPiece);
        }
        begun_ = true;
        std::string piece = lines.empty() ? ":\n\n" : "";
        for (const auto& line : lines) {
            piece += fmt::format("id: {}\ndata: {}\n\n", line.id, *line.json);
            after_ = line.id;
        }
        co_return piece;
    }

  private:
    EventFeed& feed_;
    std::uint64_t after_;
    bool begun_ = false;
};
}  // namespace

/// A reader's place among those who wait.
class EventFeed::Waiting {
  public:
    Waiting(EventFeed& feed, std::chrono::steady_clock::time_point until)
        : timer(feed.talking_, until), feed_(feed) {
        feed_.waiting_.insert(&timer);
        ++feed_.readers_waiting_;
    }
    ~Waiting() {
        --feed_.readers_waiting_;
        feed_.waiting_.erase(&timer);
    }
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    asio::steady_timer timer;

  private:
    EventFeed& feed_;
};

void EventFeed::add(std::uint64_t id, std::string json) {
    Line line{id, std::make_shared<const std::string>(std::move(json))};
    {
        const std::lock_guard locked(mutex_);
        lines_.push_back(std::move(line));
        if (lines_.size() > kept_)
            lines_.pop_front();
    }
    // Who begins to wait after this has found the line: it looks once more then.
    if (readers_waiting_ > 0 && !wake_is_due_.exchange(true))
        asio::post(talking_, [this] { wake(); });
}

void EventFeed::wake() {
    wake_is_due_ = false;
    for (auto* timer : waiting_)
        timer->cancel();
}

std::vector<EventFeed::Line> EventFeed::after(std::uint64_t id, std::size_t at_most) const {
    const std::lock_guard locked(mutex_);
    const auto begin = std::ranges::upper_bound(lines_, id, {}, &Line::id);
    const auto count = std::min<std::size_t>(at_most, static_cast<std::size_t>(lines_.end() - begin));
    return {begin, begin + static_cast<std::ptrdiff_t>(count)};
}

EventFeed::Range EventFeed::range() const {
    const std::lock_guard locked(mutex_);
    return lines_.empty() ? Range{} : Range{lines_.front().id, lines_.back().id};
}

asio::awaitable<void> EventFeed::wait_beyond(std::uint64_t id, std::chrono::steady_clock::time_point until) {
    Waiting waiting(*this, until);
    if (range().last <= id)
        co_await waiting.timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

std::unique_ptr<BodySource> event_list(const EventFeed& feed, std::uint64_t after, std::size_t at_most) {
    return std::make_unique<List>(feed, after, at_most);
}

std::unique_ptr<LiveBody> event_stream(EventFeed& feed, std::uint64_t after) {
    return std::make_unique<Stream>(feed, after);
}

}  // namespace guideway::api
