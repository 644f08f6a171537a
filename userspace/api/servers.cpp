// SPDX-License-Identifier: Apache-2.0
#include "api/servers.hpp"

#include <signal.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace guideway::api {

namespace asio = boost::asio;

namespace {
constexpr int kNicer = 10;

std::uint64_t inode_of(const std::string& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_ino : 0;
}

/// Runs the work on that context; the caller resumes on its own executor. Lambdas must capture references
/// alone (in_pool.hpp).
template <typename Work>
asio::awaitable<Result<void>> on(asio::io_context& context, Work work) {
    co_return co_await asio::co_spawn(
        context, [&work]() -> asio::awaitable<Result<void>> { co_return work(); }, asio::use_awaitable);
}
}  // namespace

Servers::~Servers() {
    stop();
}

Result<void> Servers::open(ServerHandlers handlers, const std::string& control_socket,
                           const std::string& control_group, const std::optional<config::Endpoint>& http) {
    handlers_ = std::move(handlers);
    control_socket_ = control_socket;
    control_group_ = control_group;
    if (auto opened = open_control(); !opened)
        return opened;
    return open_http(http);
}

/// Signals are the loop's.
void Servers::start() {
    asio::post(making_, [] { ::setpriority(PRIO_PROCESS, 0, kNicer); });
    sigset_t all, before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, &before);
    thread_ = std::jthread([this] { talking_.run(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Result<void> Servers::open_control() {
    control_server_ = nullptr;
    auto opened = HttpServer::listen(threads(), control_socket_, control_group_, handlers_.control);
    if (!opened)
        return std::unexpected(opened.error());
    control_server_ = std::move(*opened);
    control_inode_ = inode_of(control_socket_);
    return {};
}

Result<void> Servers::open_http(const std::optional<config::Endpoint>& http) {
    if (http == http_)
        return {};
    http_server_ = nullptr;
    const auto listen = [this](const config::Endpoint& where) {
        return HttpServer::listen(threads(), where, handlers_.open_to_all);
    };
    auto opened = http ? listen(*http) : Result<std::unique_ptr<HttpServer>>(nullptr);
    if (!opened) {
        if (http_) {
            if (auto old = listen(*http_))
                http_server_ = std::move(*old);
        }
        return std::unexpected(opened.error());
    }
    http_server_ = std::move(*opened);
    http_ = http;
    return {};
}

asio::awaitable<Result<void>> Servers::change_http(std::optional<config::Endpoint> http) {
    co_return co_await on(talking_, [&] { return open_http(http); });
}

asio::awaitable<Result<bool>> Servers::repair() {
    if (inode_of(control_socket_) == control_inode_)
        co_return false;
    const auto opened = co_await on(talking_, [&] { return open_control(); });
    if (!opened)
        co_return std::unexpected(opened.error());
    co_return true;
}

void Servers::stop() {
    talking_.stop();
    if (thread_.joinable())
        thread_.join();
    making_.stop();
    making_.join();
}

void Servers::discard() {
    talking_.discard();
    making_.discard();
}

}  // namespace guideway::api
