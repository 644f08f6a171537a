// SPDX-License-Identifier: Apache-2.0
#include "api/event_follower.hpp"

#include <fmt/format.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/none.hpp>
#include <chrono>
#include <utility>

#include "api/control_client.hpp"
#include "api/event_feed.hpp"

namespace guideway::api {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {
using Unix = asio::local::stream_protocol;
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kRetry{200};
/// A stream that says nothing for so long has broken.
constexpr auto kSilence = 3 * kStreamHeartbeat;
constexpr std::size_t kReadAtOnce = 16 * 1024;
}  // namespace

EventFollower::EventFollower(asio::io_context& loop, const std::string& runtime_dir, std::uint64_t after,
                             Callbacks callbacks)
    : loop_(loop), socket_(control_socket(runtime_dir)), after_(after), callbacks_(std::move(callbacks)) {}

asio::awaitable<void> EventFollower::follow() {
    asio::steady_timer timer(loop_);
    for (;;) {
        const auto why = co_await read_stream();
        if (!std::exchange(lost_, true))
            callbacks_.on_lost(why);
        timer.expires_after(kRetry);
        co_await timer.async_wait(kAnyOutcome);
    }
}

/// Why it ended.
asio::awaitable<std::string> EventFollower::read_stream() {
    boost::beast::basic_stream<Unix> stream(loop_);
    stream.expires_after(kSilence);
    const Unix::endpoint endpoint(socket_);
    const auto [unreachable] = co_await stream.async_connect(endpoint, kAnyOutcome);
    if (unreachable)
        co_return unreachable.message();
    http::request<http::empty_body> request(http::verb::get, "/events", 11);
    request.set(http::field::host, "guideway");
    request.set(http::field::accept, "text/event-stream");
    request.set("Last-Event-ID", std::to_string(after_));
    const auto [unsent, sent] = co_await http::async_write(stream, request, kAnyOutcome);
    if (unsent)
        co_return unsent.message();
    boost::beast::flat_buffer buffer;
    http::response_parser<http::buffer_body> parser;
    parser.body_limit(boost::none);
    const auto [unread, size] = co_await http::async_read_header(stream, buffer, parser, kAnyOutcome);
    if (unread)
        co_return unread.message();
    if (parser.get().result() != http::status::ok)
        co_return fmt::format("it answers with status {}", parser.get().result_int());
    if (std::exchange(lost_, false))
        callbacks_.on_found();
    begun_line_.clear();
    std::string piece(kReadAtOnce, '\0');
    while (!parser.is_done()) {
        stream.expires_after(kSilence);
        parser.get().body().data = piece.data();
        parser.get().body().size = piece.size();
        const auto [broken, read] = co_await http::async_read_some(stream, buffer, parser, kAnyOutcome);
        take({piece.data(), piece.size() - parser.get().body().size});
        if (broken && broken != http::error::need_buffer)
            co_return broken.message();
    }
    co_return "it ended the stream";
}

void EventFollower::take(std::string_view text) {
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        begun_line_ += text.substr(0, end);
        text.remove_prefix(end + 1);
        take_line(std::exchange(begun_line_, {}));
    }
    begun_line_ += text;
}

void EventFollower::take_line(std::string_view line) {
    constexpr std::string_view kData = "data: ";
    if (!line.starts_with(kData))
        return;
    const auto event = nlohmann::ordered_json::parse(line.substr(kData.size()), nullptr, false);
    if (!event.is_object() || !event.contains("id"))
        return;
    after_ = event.at("id").get<std::uint64_t>();
    callbacks_.on_event(event);
}

}  // namespace guideway::api
