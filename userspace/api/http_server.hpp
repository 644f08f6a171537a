// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "config/model.hpp"
#include "util/result.hpp"

namespace guideway::api {

struct HttpRequest {
    std::string method;
    std::string path;  ///< without the query
    std::string body;
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "application/json";
    std::string body;
};

/// Serves HTTP/1.1 on the loop, on a TCP port or a unix socket. Slow clients are cut off, and at most so many
/// are served at a time that they cannot exhaust the agent. Destroying it closes the port; requests that
/// are under way end with the loop.
class HttpServer {
  public:
    using Handler = std::function<boost::asio::awaitable<HttpResponse>(HttpRequest)>;

    /// Errors: `listen on 127.0.0.1:9660: address in use`.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(boost::asio::io_context& loop,
                                                                    const config::Endpoint& endpoint,
                                                                    Handler handler);
    /// The socket file is replaced, and accessible by its owner alone.
    [[nodiscard]] static Result<std::unique_ptr<HttpServer>> listen(boost::asio::io_context& loop,
                                                                    const std::string& socket_path,
                                                                    Handler handler);

    virtual ~HttpServer() = default;
};

}  // namespace guideway::api
