// SPDX-License-Identifier: Apache-2.0
#include "api/http_server.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
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
#include <map>
#include <tuple>
#include <utility>

#include "api/connection_slots.hpp"
#include "api/fair_turns.hpp"
#include "util/in_pool.hpp"
#include "util/unique_fd.hpp"
#include "util/unix_listener.hpp"

namespace guideway::api {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kRequestWithin{10};  ///< of a whole request, from the end of the last answer
constexpr std::chrono::seconds kPieceWithin{10};    ///< of a piece of an answer to be taken
constexpr std::chrono::milliseconds kBreathing{100};
constexpr std::uint32_t kLargestHeader = 8 * 1024;
constexpr std::uint64_t kLargestBody = 64 * 1024;
/// For browsers: the status page is made of what this server has, and nobody else's page shows it in a frame.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

using Clock = std::chrono::steady_clock;
using Request = http::request<http::string_body>;

HttpRequest read(const Request& request, std::optional<std::uint32_t> uid) {
    const std::string target(request.target());
    const auto path_end = std::min(target.find('?'), target.size());
    return {.method = std::string(request.method_string()),
            .path = target.substr(0, path_end),
            .query = target.substr(std::min(path_end + 1, target.size())),
            .accept = std::string(request[http::field::accept]),
            .last_event_id = std::string(request["Last-Event-ID"]),
            .body = request.body(),
            .uid = uid};
}

template <typename Body>
http::response<Body> begin_response(const Request& request, const HttpResponse& made) {
    http::response<Body> response(static_cast<http::status>(made.status), request.version());
    response.set(http::field::server, "guideway");
    response.set(http::field::content_type, made.content_type);
    response.set(http::field::cache_control, "no-store");
    response.set("Content-Security-Policy", kPolicy);
    response.set("X-Content-Type-Options", "nosniff");
    response.set("Referrer-Policy", "no-referrer");
    response.set("Cross-Origin-Resource-Policy", "same-origin");
    response.keep_alive(request.keep_alive());
    return response;
}

/// Of clients of a port, those of one address count as one, and of IPv6 those of one network: a host has as
/// many addresses there as it likes.
std::string client_of(const asio::ip::tcp::socket& socket) {
    boost::system::error_code error;
    const auto address = socket.remote_endpoint(error).address();
    if (error || !address.is_v6() || address.to_v6().is_v4_mapped())
        return address.to_string();
    const auto bytes = address.to_v6().to_bytes();
    return std::string(bytes.begin(), bytes.begin() + 8);
}

std::optional<std::uint32_t> uid_of(const asio::ip::tcp::socket&) {
    return std::nullopt;
}

/// As it was when it connected; nothing if the kernel does not tell.
std::optional<ucred> peer_of(asio::local::stream_protocol::socket& socket) {
    ucred peer{};
    socklen_t length = sizeof(peer);
    if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
        return std::nullopt;
    return peer;
}

/// Of the control socket's, those of one process.
std::string client_of(asio::local::stream_protocol::socket& socket) {
    const auto peer = peer_of(socket);
    return std::to_string(peer ? peer->pid : 0);
}

std::optional<std::uint32_t> uid_of(asio::local::stream_protocol::socket& socket) {
    const auto peer = peer_of(socket);
    return peer ? std::optional(peer->uid) : std::nullopt;
}

/// A spare descriptor. It is closed when the process has no other left, so that one more client is accepted.
class LastDescriptor {
  public:
    void keep() {
        if (!fd_)
            fd_ = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    }
    /// False: it is given up already.
    bool give_up() { return std::exchange(fd_, UniqueFd{}).get() >= 0; }

  private:
    UniqueFd fd_;
};

/// The acceptor lives as long as the server does; its coroutine and the connections keep what they need
/// alive.
template <typename Protocol>
class Server final : public HttpServer {
  public:
    Server(typename Protocol::acceptor acceptor, HttpThreads threads, Handler handler)
        : state_(std::make_shared<State>(std::move(acceptor), threads, std::move(handler))) {
        asio::co_spawn(threads.talking, accept(state_), asio::detached);
    }
    ~Server() override {
        boost::system::error_code ignored;
        state_->acceptor.close(ignored);
    }

  private:
    using Stream = beast::basic_stream<Protocol>;

    struct State {
        State(typename Protocol::acceptor a, HttpThreads t, Handler h)
            : acceptor(std::move(a)), threads(t), handler(std::move(h)), making(t.talking) {}

        typename Protocol::acceptor acceptor;
        HttpThreads threads;
        Handler handler;
        ConnectionSlots slots{{}};
        FairTurns making;
        std::map<ConnectionSlots::Id, Stream*> streams;
    };

    /// A client's connection, and its place among the others.
    class Slot {
      public:
        Slot(std::shared_ptr<State> state, ConnectionSlots::Id id, std::string its_client,
             typename Protocol::socket socket)
            : stream(std::move(socket)),
              client(std::move(its_client)),
              uid(uid_of(stream.socket())),
              state_(std::move(state)),
              id_(id) {
            state_->streams[id_] = &stream;
        }
        ~Slot() {
            state_->slots.leave(id_);
            state_->streams.erase(id_);
        }
        Slot(const Slot&) = delete;
        Slot& operator=(const Slot&) = delete;

        /// Until so long a time is over.
        void waits(Clock::duration at_most) {
            state_->slots.waits(id_, Clock::now());
            stream.expires_after(at_most);
        }
        /// Whoever had something done is told what became of it; others may ask again.
        void got_request(bool is_order) {
            if (is_order)
                state_->slots.works(id_);
            else
                state_->slots.waits(id_, Clock::now());
            stream.expires_never();
        }

        /// False: it gave way.
        [[nodiscard]] bool is_open() { return stream.socket().is_open(); }

        Stream stream;
        const std::string client;
        const std::optional<std::uint32_t> uid;

      private:
        std::shared_ptr<State> state_;
        ConnectionSlots::Id id_;
    };

    static asio::awaitable<void> accept(std::shared_ptr<State> state) {
        asio::steady_timer pause(state->acceptor.get_executor());
        LastDescriptor last;
        while (state->acceptor.is_open()) {
            last.keep();
            auto [error, socket] = co_await state->acceptor.async_accept(kAnyOutcome);
            if (error == asio::error::operation_aborted)
                co_return;
            if (error == asio::error::no_descriptors && last.give_up())
                std::tie(error, socket) = co_await state->acceptor.async_accept(kAnyOutcome);
            if (error) {
                spdlog::warn("accept an HTTP connection: {}", error.message());
                pause.expires_after(kBreathing);
                co_await pause.async_wait(kAnyOutcome);
            } else {
                admit(state, std::move(socket));
            }
        }
    }

    static void admit(const std::shared_ptr<State>& state, typename Protocol::socket socket) {
        const auto client = client_of(socket);
        const auto admission = state->slots.admit(client, Clock::now());
        if (admission.gives_way)
            state->streams.at(*admission.gives_way)->close();
        if (admission.admitted)
            asio::co_spawn(
                state->threads.talking,
                serve(state, std::make_unique<Slot>(state, *admission.admitted, client, std::move(socket))),
                asio::detached);
    }

    static asio::awaitable<HttpResponse> answer(const State& state, HttpRequest request) {
        try {
            co_return co_await state.handler(std::move(request));
        } catch (const std::exception& error) {
            co_return HttpResponse{.status = 500,
                                   .content_type = "text/plain",
                                   .body = fmt::format("the request failed: {}\n", error.what()),
                                   .source = nullptr};
        }
    }

    static asio::awaitable<void> serve(std::shared_ptr<State> state, std::unique_ptr<Slot> slot) {
        beast::flat_buffer buffer;
        for (bool more = true; more;) {
            http::request_parser<http::string_body> parser;
            parser.header_limit(kLargestHeader);
            parser.body_limit(kLargestBody);
            slot->waits(kRequestWithin);
            if (const auto [error, size] =
                    co_await http::async_read(slot->stream, buffer, parser, kAnyOutcome);
                error)
                co_return;
            slot->got_request(parser.get().method() == http::verb::post);
            auto request = read(parser.get(), slot->uid);
            auto made = co_await answer(*state, std::move(request));
            if (made.source || made.live)
                more = co_await send_pieces(*state, *slot, parser.get(), made);
            else
                more = co_await send(*slot, parser.get(), made);
        }
    }

    /// Whether the connection may be used for another request.
    static asio::awaitable<bool> send(Slot& slot, const Request& request, HttpResponse& made) {
        auto response = begin_response<http::string_body>(request, made);
        if (request.method() == http::verb::head) {
            response.content_length(made.body.size());
        } else {
            response.body() = std::move(made.body);
            response.prepare_payload();
        }
        slot.waits(kPieceWithin);
        const auto [error, size] = co_await http::async_write(slot.stream, response, kAnyOutcome);
        co_return !error && response.keep_alive();
    }

    static asio::awaitable<std::string> make_piece(State& state, Slot& slot, HttpResponse& made) {
        if (made.live)
            co_return co_await made.live->next();
        auto& source = *made.source;
        const auto turn = co_await state.making.enter(slot.client);
        if (!slot.is_open())
            co_return std::string{};
        co_return co_await in_pool(state.threads.making, [&source] { return source.next(); });
    }

    /// Whoever does not take a piece in time is dropped, so that no more than one of them waits for a client.
    /// How long it will be is not known: HTTP/1.1 has chunks for that, before it the end of the connection.
    static asio::awaitable<bool> send_pieces(State& state, Slot& slot, const Request& request,
                                             HttpResponse& made) {
        auto response = begin_response<http::buffer_body>(request, made);
        if (request.version() >= 11)
            response.chunked(true);
        else
            response.keep_alive(false);
        response.body() = {nullptr, 0, true};
        http::response_serializer<http::buffer_body> serializer(response);
        slot.waits(kPieceWithin);
        if (const auto [error, size] =
                co_await http::async_write_header(slot.stream, serializer, kAnyOutcome);
            error)
            co_return false;
        for (bool more = request.method() != http::verb::head; more;) {
            auto piece = co_await make_piece(state, slot, made);
            if (!slot.is_open())
                co_return false;
            more = !piece.empty();
            response.body() = {more ? piece.data() : nullptr, piece.size(), more};
            slot.waits(kPieceWithin);
            const auto [error, size] = co_await http::async_write(slot.stream, serializer, kAnyOutcome);
            if (error && error != http::error::need_buffer)
                co_return false;
        }
        co_return response.keep_alive();
    }

    std::shared_ptr<State> state_;
};

Result<asio::ip::tcp::acceptor> listen_tcp(asio::io_context& loop, const config::Endpoint& endpoint) {
    const asio::ip::tcp::endpoint where(asio::ip::make_address(endpoint.address.text()), endpoint.port);
    asio::ip::tcp::acceptor acceptor(loop);
    boost::system::error_code error;
    acceptor.open(where.protocol(), error);
    if (!error)
        acceptor.set_option(asio::socket_base::reuse_address(true), error);
    if (!error)
        acceptor.bind(where, error);
    if (!error)
        acceptor.listen(asio::socket_base::max_listen_connections, error);
    if (error)
        return fail("listen on {}: {}", endpoint.text(), error.message());
    return acceptor;
}
}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::listen(HttpThreads threads, const config::Endpoint& endpoint,
                                                       Handler handler) {
    auto acceptor = listen_tcp(threads.talking, endpoint);
    if (!acceptor)
        return std::unexpected(acceptor.error());
    return std::make_unique<Server<asio::ip::tcp>>(std::move(*acceptor), threads, std::move(handler));
}

Result<std::unique_ptr<HttpServer>> HttpServer::listen(HttpThreads threads, const std::string& socket_path,
                                                       const std::string& group, Handler handler) {
    using Unix = asio::local::stream_protocol;
    constexpr mode_t kOwner = S_IRUSR | S_IWUSR;
    constexpr mode_t kGroup = S_IRGRP | S_IWGRP;
    auto acceptor =
        listen_unix(threads.talking, socket_path, group.empty() ? kOwner : kOwner | kGroup, group);
    if (!acceptor)
        return std::unexpected(acceptor.error());
    return std::make_unique<Server<Unix>>(std::move(*acceptor), threads, std::move(handler));
}

}  // namespace guideway::api
