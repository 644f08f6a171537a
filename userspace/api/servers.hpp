// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "api/http_server.hpp"
#include "util/coroutines.hpp"

namespace guideway::api {

/// Who answers.
struct ServerHandlers {
    HttpServer::Handler control;      ///< on the control socket
    HttpServer::Handler open_to_all;  ///< on `http:`
};

/// A control socket and `http:`, on threads of their own: whatever they are asked, by however many, the
/// loop's work goes on. One thread talks to clients, another makes what they are told. Other than the
/// constructor, all is called from the loop's thread.
class Servers {
  public:
    Servers() = default;
    ~Servers();
    Servers(const Servers&) = delete;
    Servers& operator=(const Servers&) = delete;

    /// Opens both; clients wait until start(). `control_group`: may give orders too; empty: nobody else.
    [[nodiscard]] Result<void> open(ServerHandlers handlers, const std::string& control_socket,
                                    const std::string& control_group,
                                    const std::optional<config::Endpoint>& http);
    void start();

    /// Goes over to another address. Both may have the same port, so that the old one is closed first; it is
    /// opened again if the new one fails.
    [[nodiscard]] boost::asio::awaitable<Result<void>> change_http(std::optional<config::Endpoint> http);

    /// Opens the control socket again if somebody removed its file; true if that was so.
    [[nodiscard]] boost::asio::awaitable<Result<bool>> repair();

    /// Where requests are answered, and answers made.
    [[nodiscard]] HttpThreads threads() { return {talking_, making_}; }

    /// Ends the threads. Requests that are under way stay as they are until discard().
    void stop();
    /// Destroys them; nobody else's coroutine may refer to one of them by then.
    void discard();

  private:
    [[nodiscard]] Result<void> open_control();
    [[nodiscard]] Result<void> open_http(const std::optional<config::Endpoint>& http);

    ServerHandlers handlers_;
    Loop talking_{1};
    Pool making_{1};
    boost::asio::executor_work_guard<Loop::executor_type> work_{talking_.get_executor()};
    std::jthread thread_;
    std::string control_socket_, control_group_;
    std::optional<config::Endpoint> http_;
    std::unique_ptr<HttpServer> control_server_, http_server_;
    std::uint64_t control_inode_ = 0;
};

}  // namespace guideway::api
