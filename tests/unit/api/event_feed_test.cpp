// SPDX-License-Identifier: Apache-2.0
#include "api/event_feed.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "util/coroutines.hpp"

using namespace guideway;
using namespace guideway::api;

namespace {
std::vector<std::uint64_t> ids(const std::vector<EventFeed::Line>& lines) {
    std::vector<std::uint64_t> ids;
    for (const auto& line : lines)
        ids.push_back(line.id);
    return ids;
}

std::string all_of(BodySource& source) {
    std::string text;
    for (auto piece = source.next(); !piece.empty(); piece = source.next())
        text += piece;
    return text;
}

/// A reader of a stream, which keeps the pieces that come.
struct Reader {
    Reader(Loop& loop, EventFeed& feed, std::uint64_t after) : body(event_stream(feed, after)) {
        boost::asio::co_spawn(loop, read(), boost::asio::detached);
    }
    boost::asio::awaitable<void> read() {
        for (;;) {
            auto piece = co_await body->next();
            pieces.push_back(std::move(piece));
        }
    }
    std::unique_ptr<LiveBody> body;
    std::vector<std::string> pieces;
};

/// Ends those who wait while the feed is there.
struct AtEnd {
    ~AtEnd() { loop.discard(); }
    Loop& loop;
};

/// Runs what is ready.
void turn(Loop& loop) {
    loop.restart();
    loop.poll();
}
}  // namespace

TEST_CASE("the latest events are kept, and the oldest ones give way") {
    Loop talking;
    EventFeed feed(talking, 3);
    CHECK(feed.range().first == 0);
    CHECK(feed.range().last == 0);
    CHECK(feed.after(0, 10).empty());
    for (std::uint64_t id = 1; id <= 5; ++id)
        feed.add(id, "{}");
    CHECK(feed.range().first == 3);
    CHECK(feed.range().last == 5);
    CHECK(ids(feed.after(0, 10)) == std::vector<std::uint64_t>{3, 4, 5});
    CHECK(ids(feed.after(3, 1)) == std::vector<std::uint64_t>{4});
    CHECK(feed.after(5, 10).empty());
    CHECK(feed.after(9, 10).empty());
}

TEST_CASE("a list is one JSON object, however many pieces it comes in") {
    Loop talking;
    EventFeed feed(talking);
    CHECK(all_of(*event_list(feed, 0, 10)) == "{\"events\": [\n], \"first\": 0, \"last\": 0}\n");
    for (std::uint64_t id = 1; id <= 500; ++id)
        feed.add(id, "{\"id\":" + std::to_string(id) + "}");
    CHECK(all_of(*event_list(feed, 498, 10)) ==
          "{\"events\": [\n{\"id\":499},\n{\"id\":500}\n], \"first\": 1, \"last\": 500}\n");
    CHECK(all_of(*event_list(feed, 0, 1)) == "{\"events\": [\n{\"id\":1}\n], \"first\": 1, \"last\": 500}\n");
    CHECK(all_of(*event_list(feed, 0, 0)) == "{\"events\": [\n], \"first\": 1, \"last\": 500}\n");
    const auto all = nlohmann::json::parse(all_of(*event_list(feed, 0, 10'000)));
    CHECK(all.at("events").size() == 500);
    CHECK(all.at("events").back().at("id") == 500);
}

TEST_CASE("what happens while a list is read is not in it") {
    Loop talking;
    EventFeed feed(talking);
    for (std::uint64_t id = 1; id <= 300; ++id)
        feed.add(id, "{}");
    const auto list = event_list(feed, 0, 10'000);
    auto text = list->next();
    feed.add(301, "{\"late\":1}");
    text += all_of(*list);
    CHECK_FALSE(text.contains("late"));
    CHECK(nlohmann::json::parse(text).at("events").size() == 300);
}

TEST_CASE("a stream tells what there was, then each event when it happens, to every reader") {
    Loop talking;
    EventFeed feed(talking);
    feed.add(1, "{\"id\":1}");
    feed.add(2, "{\"id\":2}");
    Reader early(talking, feed, 1), late(talking, feed, 2);
    const AtEnd at_end{talking};
    turn(talking);
    CHECK(early.pieces == std::vector<std::string>{"id: 2\ndata: {\"id\":2}\n\n"});
    CHECK(late.pieces == std::vector<std::string>{":\n\n"});
    feed.add(3, "{\"id\":3}");
    turn(talking);
    CHECK(early.pieces.back() == "id: 3\ndata: {\"id\":3}\n\n");
    CHECK(late.pieces.back() == "id: 3\ndata: {\"id\":3}\n\n");
    CHECK(late.pieces.size() == 2);
}

TEST_CASE("a reader that was not there for long gets a bounded piece at a time") {
    Loop talking;
    EventFeed feed(talking);
    for (std::uint64_t id = 1; id <= 20'000; ++id)
        feed.add(id, std::string(250, 'x'));
    Reader reader(talking, feed, 0);
    const AtEnd at_end{talking};
    turn(talking);
    CHECK(reader.pieces.size() == 50);
    for (const auto& piece : reader.pieces)
        CHECK(piece.size() < 64 * 1024);
    CHECK(reader.pieces.front().starts_with("id: 10001\n"));
}
