// SPDX-License-Identifier: Apache-2.0
#include "bgp/sidecar.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>

#include "bgp/message.hpp"
#include "util/unique_fd.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;
using std::chrono::steady_clock;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr const char* kUser = "exabgp";
constexpr const char* kInstall = "; install exabgp 4.2";
constexpr std::chrono::milliseconds kShortestBackoff{250};
constexpr std::chrono::milliseconds kLongestBackoff{30'000};
/// One that ran for so long did not end because of how it was started.
constexpr std::chrono::seconds kRanWell{60};
constexpr std::chrono::seconds kBetweenRouteChecks{2};

std::string socket_path(const std::string& directory) {
    return directory + "/relay.sock";
}

/// Without rights for anybody else, and never seen half written.
Result<void> write_private(const std::string& path, const std::string& text, const User& user) {
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());
    const UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0400));
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fchown(file.get(), user.uid, user.gid) != 0 || ::rename(fresh.c_str(), path.c_str()) != 0)
        return fail("write {}: {}", path, errno_text());
    return {};
}

Result<void> make_private(const std::string& directory, const User& user) {
    if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
        return fail("make {}: {}", directory, errno_text());
    if (::chmod(directory.c_str(), 0700) != 0 || ::chown(directory.c_str(), user.uid, user.gid) != 0)
        return fail("make {} private: {}", directory, errno_text());
    return {};
}

/// `exabgp` where there is such a user who can reach what it needs; this process's user otherwise.
User choose_user(const SidecarOptions& options) {
    const auto exabgp = find_user(kUser);
    if (::geteuid() != 0 || !exabgp)
        return own_user();
    const auto parent = std::filesystem::path(options.directory).parent_path();
    for (const auto& path : {options.relay_program, parent.string()}) {
        if (!can_execute(*exabgp, path)) {
            spdlog::warn("exabgp runs as {}, since its user {} may not reach {}", own_user().name, kUser,
                         path);
            return own_user();
        }
    }
    return *exabgp;
}
/// Of what a process writes.
struct LastLine {
    void add(std::string_view bytes) {
        for (const auto& line : lines.add(bytes)) {
            spdlog::debug("exabgp: {}", line);
            if (line.find_first_not_of(" \t\r") != std::string::npos)
                text = line;
        }
    }

    LineBuffer lines;
    std::string text;
};

asio::awaitable<void> read_all(asio::posix::stream_descriptor& output,
                               std::function<void(std::string_view)> take) {
    std::array<char, 4096> buffer;
    for (;;) {
        const auto [error, size] = co_await output.async_read_some(asio::buffer(buffer), kAnyOutcome);
        if (error)
            co_return;
        take({buffer.data(), size});
    }
}

/// The answer to `exabgp --version`: why it will not do; empty if it will.
std::string what_is_wrong_with(const std::string& version, const std::string& program) {
    unsigned major = 0, minor = 0;
    const auto line = version.find("ExaBGP :");
    if (line == std::string::npos ||
        std::sscanf(version.c_str() + line, "ExaBGP : %u.%u", &major, &minor) != 2)
        return fmt::format("run {}: it does not tell its version{}", program, kInstall);
    if (major != 4 || minor < 2)
        return fmt::format("run {}: it is version {}.{}, whose API is another{}", program, major, minor,
                           kInstall);
    return {};
}

/// ExaBGP's configuration has no quotes for these.
bool is_plain_word(const std::string& path) {
    return path.find_first_of(" \t\r\n;{}[]#\"'\\") == std::string::npos;
}
}  // namespace

Result<std::shared_ptr<Sidecar>> Sidecar::start(asio::io_context& loop, SidecarOptions options) {
    const auto path = socket_path(options.directory);
    if (!is_plain_word(path) || !is_plain_word(options.relay_program))
        return fail("start exabgp: '{}' or '{}' has a blank or a sign that its configuration cannot hold",
                    path, options.relay_program);
    std::error_code unmade;  // making the directory itself tells
    std::filesystem::create_directories(std::filesystem::path(options.directory).parent_path(), unmade);
    const auto user = choose_user(options);
    if (auto made = make_private(options.directory, user); !made)
        return std::unexpected(made.error());
    std::shared_ptr<Sidecar> sidecar(new Sidecar(loop, std::move(options), user));
    const auto& events = sidecar->options_.events;
    auto link = RelayLink::listen(loop, path, user,
                                  {.connected = events.connected,
                                   .line = events.line,
                                   .disconnected = [raw = sidecar.get()] { raw->relay_lost(); }});
    if (!link)
        return std::unexpected(link.error());
    sidecar->link_ = std::move(*link);
    for (auto task : {&Sidecar::supervise, &Sidecar::watch_routes})
        asio::co_spawn(loop, (sidecar.get()->*task)(), [sidecar](const std::exception_ptr& failure) {
            if (failure)
                std::rethrow_exception(failure);
        });
    return sidecar;
}

Sidecar::Sidecar(asio::io_context& loop, SidecarOptions options, User user)
    : loop_(loop),
      options_(std::move(options)),
      user_(std::move(user)),
      backoff_(loop),
      route_timer_(loop),
      disconnected_(steady_clock::now()) {}

void Sidecar::end() {
    ended_ = true;
    link_->close();
    backoff_.cancel();
    route_timer_.cancel();
    if (child_)
        child_->signal(SIGKILL);
}

void Sidecar::relay_lost() {
    disconnected_ = steady_clock::now();
    options_.events.disconnected();
}

void Sidecar::restart(const std::string& reason) {
    if (!child_)
        return;
    killed_because_ = reason;
    child_->signal(SIGKILL);
}

asio::awaitable<void> Sidecar::supervise() {
    auto pause = kShortestBackoff;
    for (;;) {
        const auto started = steady_clock::now();
        const auto reason = co_await run_once();
        if (ended_)
            co_return;
        link_->disconnect();
        pause = steady_clock::now() - started > kRanWell ? kShortestBackoff : pause;
        spdlog::error("{}; started again in {} ms", reason, pause.count());
        options_.events.ended(reason);
        backoff_.expires_after(pause);
        co_await backoff_.async_wait(kAnyOutcome);
        if (ended_)
            co_return;
        pause = std::min(2 * pause, kLongestBackoff);
        ++restarts_;
    }
}

asio::awaitable<std::string> Sidecar::run_once() {
    if (!version_checked_) {
        if (auto wrong = co_await check_version(); !wrong.empty())
            co_return wrong;
        version_checked_ = true;
    }
    if (ended_)
        co_return "";
    if (auto prepared = prepare(); !prepared)
        co_return prepared.error().message;
    auto child = Child::spawn(loop_, {.arguments = {options_.exabgp, options_.directory + "/exabgp.conf"},
                                      .environment = exabgp_environment(user_.name),
                                      .user = user_});
    if (!child)
        co_return child.error().message + kInstall;
    killed_because_.clear();
    disconnected_ = steady_clock::now();
    child_ = std::move(*child);
    const auto end = co_await run_to_end(child_);
    co_return killed_because_.empty() ? end : fmt::format("exabgp was killed: {}", killed_because_);
}

/// The last line that it wrote tells most. Its relay may hold the pipe open longer than it lives.
asio::awaitable<std::string> Sidecar::run_to_end(std::unique_ptr<Child>& child) {
    LastLine last;
    co_await (read_all(child->output(), [&](std::string_view bytes) { last.add(bytes); }) || child->gone());
    char rest[4096];
    for (ssize_t size; (size = ::read(child->output().native_handle(), rest, sizeof(rest))) > 0;)
        last.add({rest, static_cast<std::size_t>(size)});
    const auto end = co_await child->ended();
    child = nullptr;
    co_return last.text.empty() ? fmt::format("exabgp ended: {}", end)
                                : fmt::format("exabgp ended: {}: {}", end, last.text);
}

asio::awaitable<std::string> Sidecar::check_version() {
    auto child = Child::spawn(loop_, {.arguments = {options_.exabgp, "--version"},
                                      .environment = exabgp_environment(user_.name),
                                      .user = user_});
    if (!child)
        co_return child.error().message + kInstall;
    std::string text;
    co_await read_all((*child)->output(), [&](std::string_view bytes) { text += bytes; });
    co_await (*child)->ended();
    co_return what_is_wrong_with(text, options_.exabgp);
}

Result<void> Sidecar::prepare() {
    const auto local = local_addresses();
    if (local.empty())
        return fail("start exabgp: no BGP peer can be reached yet");
    const auto command = fmt::format("{} relay {}", options_.relay_program, socket_path(options_.directory));
    return write_private(options_.directory + "/exabgp.conf", exabgp_config(options_.bgp, local, command),
                         user_);
}

LocalAddresses Sidecar::local_addresses() {
    LocalAddresses local;
    left_out_.clear();
    for (const auto& peer : options_.bgp.peers) {
        const auto source = peer.source ? Result<IpAddress>(*peer.source) : source_towards(peer.address);
        if (source) {
            local[peer.address] = *source;
            continue;
        }
        left_out_.push_back(peer.address);
        options_.events.left_out(peer.address, source.error().message);
    }
    return local;
}

/// A peer without a route at the start gets one, when the network is up.
asio::awaitable<void> Sidecar::watch_routes() {
    while (!ended_) {
        for (const auto& peer : left_out_)
            if (source_towards(peer))
                restart(fmt::format("there is a route to {} now", peer.text()));
        route_timer_.expires_after(kBetweenRouteChecks);
        co_await route_timer_.async_wait(kAnyOutcome);
    }
}

}  // namespace guideway::bgp
