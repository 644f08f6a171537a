// SPDX-License-Identifier: Apache-2.0
#include "api/http_client.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <cstdint>

namespace guideway::api {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
/// The status of a thousand services of a hundred backends each is 57 MB.
constexpr std::uint64_t kLargestReply = 256U << 20;

std::unexpected<Error> no_answer(const Server& server, const boost::system::error_code& error) {
    return fail("ask {}: {}; does its agent run, with `http:` where it can be reached?", server.text(),
                error.message());
}

asio::awaitable<void> get(const Server& server, const std::string& path, std::chrono::milliseconds within,
                          Result<HttpReply>& reply) {
    const auto executor = co_await asio::this_coro::executor;
    asio::ip::tcp::resolver resolver(executor);
    const auto [unknown, places] = co_await resolver.async_resolve(server.host, server.port, kAnyOutcome);
    if (unknown) {
        reply = no_answer(server, unknown);
        co_return;
    }
    boost::beast::tcp_stream stream(executor);
    stream.expires_after(within);
    const auto [unreachable, place] = co_await stream.async_connect(places, kAnyOutcome);
    if (unreachable) {
        reply = no_answer(server, unreachable);
        co_return;
    }
    http::request<http::empty_body> request(http::verb::get, path, 11);
    request.set(http::field::host, server.text());
    request.keep_alive(false);
    const auto [unsent, sent] = co_await http::async_write(stream, request, kAnyOutcome);
    if (unsent) {
        reply = no_answer(server, unsent);
        co_return;
    }
    boost::beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kLargestReply);
    const auto [unread, size] = co_await http::async_read(stream, buffer, parser, kAnyOutcome);
    if (unread)
        reply = no_answer(server, unread);
    else
        reply = HttpReply{parser.get().result_int(), std::move(parser.get().body())};
}
}  // namespace

Result<Server> Server::parse(const std::string& text) {
    const auto colon = text.rfind(':');
    Server server;
    if (colon != std::string::npos) {
        server = {.host = text.substr(0, colon), .port = text.substr(colon + 1)};
        if (server.host.starts_with('[') && server.host.ends_with(']'))
            server.host = server.host.substr(1, server.host.size() - 2);
        else if (server.host.contains(':'))
            server.host.clear();
    }
    std::uint16_t port = 0;
    const char* end = server.port.data() + server.port.size();
    const auto [stopped, error] = std::from_chars(server.port.data(), end, port);
    if (server.host.empty() || error != std::errc{} || stopped != end || port == 0)
        return fail("read '{}': expected HOST:PORT, such as 10.0.0.11:9660 or [2001:db8::1]:9660", text);
    return server;
}

std::string Server::text() const {
    return host.contains(':') ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::vector<Result<HttpReply>> get_all(const std::vector<Get>& questions, std::chrono::milliseconds within) {
    std::vector<Result<HttpReply>> replies;
    for (const auto& question : questions)
        replies.emplace_back(no_answer(question.server, asio::error::timed_out));
    asio::io_context loop;
    for (std::size_t i = 0; i < questions.size(); ++i)
        asio::co_spawn(loop, get(questions[i].server, questions[i].path, within, replies[i]), asio::detached);
    loop.run();
    return replies;
}

std::vector<Result<HttpReply>> get_from_all(const std::vector<Server>& servers, const std::string& path,
                                            std::chrono::milliseconds within) {
    std::vector<Get> questions;
    for (const auto& server : servers)
        questions.push_back({server, path});
    return get_all(questions, within);
}

}  // namespace guideway::api
