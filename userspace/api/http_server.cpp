// SPDX-License-Identifier: Apache-2.0
#include "api/http_server.hpp"

#include <spdlog/spdlog.h>
#include <sys/stat.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>

namespace guideway::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::milliseconds kBreathing{100};
constexpr std::uint32_t kLargestHeader = 8 * 1024;
constexpr std::uint64_t kLargestBody = 64 * 1024;
constexpr int kConnectionsAtMost = 64;

HttpRequest read(const http::request<http::string_body>& request) {
    const std::string target(request.target());
    return {.method = std::string(request.method_string()),
            .path = target.substr(0, target.find('?')),
            .body = request.body()};
}

http::response<http::string_body> write(const http::request<http::string_body>& request, HttpResponse made) {
    http::response<http::string_body> response(static_cast<http::status>(made.status), request.version());
    response.set(http::field::server, "guideway");
    response.set(http::field::content_type, made.content_type);
    response.set(http::field::cache_control, "no-store");
    response.keep_alive(request.keep_alive());
    if (request.method() == http::verb::head) {
        response.content_length(made.body.size());
    } else {
        response.body() = std::move(made.body);
        response.prepare_payload();
    }
    return response;
}

/// The acceptor lives as long as the server does; its coroutine and the connections keep what they need
/// alive.
template <typename Protocol>
class Server final : public HttpServer {
  public:
    Server(typename Protocol::acceptor acceptor, Handler handler)
        : state_(std::make_shared<State>(std::move(acceptor), std::move(handler))) {
        asio::co_spawn(state_->acceptor.get_executor(), accept(state_), asio::detached);
    }
    ~Server() override {
        boost::system::error_code ignored;
        state_->acceptor.close(ignored);
    }

  private:
    using Stream = beast::basic_stream<Protocol>;

    struct State {
        State(typename Protocol::acceptor a, Handler h) : acceptor(std::move(a)), handler(std::move(h)) {}

        typename Protocol::acceptor acceptor;
        Handler handler;
        int connections = 0;
    };

    static asio::awaitable<void> accept(std::shared_ptr<State> state) {
        asio::steady_timer pause(state->acceptor.get_executor());
        while (state->acceptor.is_open()) {
            auto [error, socket] = co_await state->acceptor.async_accept(kAnyOutcome);
            if (error == asio::error::operation_aborted)
                co_return;
            if (error) {
                spdlog::warn("accept an HTTP connection: {}", error.message());
                pause.expires_after(kBreathing);
                co_await pause.async_wait(kAnyOutcome);
            } else if (state->connections < kConnectionsAtMost) {
                asio::co_spawn(state->acceptor.get_executor(), serve(state, Stream(std::move(socket))),
                               asio::detached);
            }
        }
    }

    static asio::awaitable<HttpResponse> answer(const State& state, HttpRequest request) {
        try {
            co_return co_await state.handler(std::move(request));
        } catch (const std::exception& error) {
            co_return HttpResponse{.status = 500, .content_type = "text/plain", .body = error.what()};
        }
    }

    static asio::awaitable<void> serve(std::shared_ptr<State> state, Stream stream) {
        ++state->connections;
        const std::shared_ptr<void> counted(nullptr, [state](void*) { --state->connections; });
        beast::flat_buffer buffer;
        for (;;) {
            http::request_parser<http::string_body> parser;
            parser.header_limit(kLargestHeader);
            parser.body_limit(kLargestBody);
            stream.expires_after(kPatience);
            if (const auto [error, size] = co_await http::async_read(stream, buffer, parser, kAnyOutcome);
                error)
                co_return;
            HttpResponse made = co_await answer(*state, read(parser.get()));
            const auto response = write(parser.get(), std::move(made));
            stream.expires_after(kPatience);
            const auto [error, size] = co_await http::async_write(stream, response, kAnyOutcome);
            if (error || !response.keep_alive())
                co_return;
        }
    }

    std::shared_ptr<State> state_;
};

template <typename Protocol>
Result<typename Protocol::acceptor> open(asio::io_context& loop, const typename Protocol::endpoint& endpoint,
                                         const std::string& name) {
    typename Protocol::acceptor acceptor(loop);
    boost::system::error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error && endpoint.protocol().family() != AF_UNIX)
        acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error)
        acceptor.bind(endpoint, error);
    if (!error)
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error)
        return fail("listen on {}: {}", name, error.message());
    return acceptor;
}
}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::io_context& loop,
                                                       const config::Endpoint& endpoint, Handler handler) {
    const asio::ip::tcp::endpoint where(asio::ip::make_address(endpoint.address.text()), endpoint.port);
    auto acceptor = open<asio::ip::tcp>(loop, where, endpoint.text());
    if (!acceptor)
        return std::unexpected(acceptor.error());
    return std::make_unique<Server<asio::ip::tcp>>(std::move(*acceptor), std::move(handler));
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(asio::io_context& loop, const std::string& socket_path,
                                                       Handler handler) {
    using Unix = asio::local::stream_protocol;
    if (socket_path.size() >= sizeof(sockaddr_un::sun_path))
        return fail("listen on {}: the path is longer than the {} bytes that a socket's may have",
                    socket_path, sizeof(sockaddr_un::sun_path) - 1);
    ::unlink(socket_path.c_str());
    const mode_t previous = ::umask(0177);
    auto acceptor = open<Unix>(loop, Unix::endpoint(socket_path), socket_path);
    ::umask(previous);
    if (!acceptor)
        return std::unexpected(acceptor.error());
    return std::make_unique<Server<Unix>>(std::move(*acceptor), std::move(handler));
}

}  // namespace guideway::api
