// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "config/model.hpp"
#include "util/result.hpp"

namespace guideway::api {

struct HttpRequest {
    std::string method;
    std::string path;                   ///< without the query
    std::string query;                  ///< what follows the `?`
    std::string accept, last_event_id;  ///< the headers of these names
    std::string body;
    std::optional<std::uint32_t> uid;  ///< of the client, on a local socket
};

/// Makes a long body piece by piece, so that no more than one of them is in memory.
class BodySource {
  public:
    virtual ~BodySource() = default;
    /// The next piece, of some tens of kilobytes; empty after the last one.
    [[nodiscard]] virtual std::string next() = 0;
};

/// Makes a body that goes on for as long as the client takes it.
class LiveBody {
  public:
    virtual ~LiveBody() = default;
    /// Returns, on the thread that talks, when there is a next piece; it is not empty. A client that has gone
    /// is noticed when a piece is sent, so there has to be one now and then.
    [[nodiscard]] virtual boost::asio::awaitable<std::string> next() = 0;
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type;
    std::string body;
    std::unique_ptr<BodySource> source;   ///< of a long body, instead
    std::unique_ptr<LiveBody> live = {};  ///< of one that goes on, instead
};

/// Where a server's work is done: talking to clients, and making what it tells them.
struct HttpThreads {
    boost::asio::io_context& talking;
    boost::asio::thread_pool& making;
};

/// A small HTTP/1.1 server on a TCP port or a local socket. It serves so many clients at a time that they
/// cannot exhaust the agent, and none can keep others out (ConnectionSlots); a request has to come, and each
/// piece of an answer to be taken, within seconds. Destroying it closes the port; requests that are under way
/// end with the threads. To be used from the thread that talks, or before it runs.
class HttpServer {
  public:
    using Handler = std::function<boost::asio::awaitable<HttpResponse>(HttpRequest)>;

    /// Errors: `listen on 127.0.0.1:9660: address in use`.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(HttpThreads threads,
                                                                    const config::Endpoint& endpoint,
                                                                    Handler handler);
    /// The socket file is replaced, and accessible by its owner alone, or by that group as well.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(HttpThreads threads,
                                                                    const std::string& socket_path,
                                                                    const std::string& group,
                                                                    Handler handler);

    virtual ~HttpServer() = default;
};

}  // namespace guideway::api
