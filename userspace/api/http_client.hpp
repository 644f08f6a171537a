// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "util/result.hpp"

namespace guideway::api {

struct HttpReply {
    unsigned status = 0;
    std::string body;
};

/// Where a server listens: a name or an address, and a port.
struct Server {
    std::string host;
    std::string port;

    /// `lb1:9660`, `10.0.0.11:9660`, `[2001:db8::1]:9660`.
    [[nodiscard]] static Result<Server> parse(const std::string& text);
    [[nodiscard]] std::string text() const;
};

/// What is asked of a server.
struct Get {
    Server server;
    std::string path;  ///< with the query
};

/// All of these at once; the replies in their order. Errors: who does not answer within that time.
[[nodiscard]] std::vector<Result<HttpReply>> get_all(const std::vector<Get>& questions,
                                                     std::chrono::milliseconds within);

/// The same path of all of them.
[[nodiscard]] std::vector<Result<HttpReply>> get_from_all(const std::vector<Server>& servers,
                                                          const std::string& path,
                                                          std::chrono::milliseconds within);

}  // namespace guideway::api
