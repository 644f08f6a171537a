// SPDX-License-Identifier: Apache-2.0
#include "bgp/exabgp_process.hpp"

#include <fcntl.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <filesystem>

#include "bgp/message.hpp"
#include "util/file.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;
using namespace asio::experimental::awaitable_operators;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
constexpr const char* kUser = "exabgp";
constexpr const char* kInstall = "; install exabgp 4.2";
constexpr std::chrono::seconds kVersionWithin{10};
constexpr std::size_t kLongestVersion = 4096;

/// ExaBGP's configuration has no quotes for these.
bool is_plain_word(const std::string& path) {
    return path.find_first_of(" \t\r\n;{}[]#\"'\\") == std::string::npos;
}

/// Of what a process writes.
struct LastLine {
    void add(std::string_view bytes) {
        for (const auto& line : lines.add(bytes)) {
            const auto clean = cleaned_text(line);
            spdlog::debug("exabgp: {}", clean);
            if (clean.find_first_not_of(' ') != std::string::npos)
                text = clean;
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

/// Where it could not be run, unless the cause is this process's own lack of privileges.
std::string with_remedy(const std::string& cause) {
    return cause.contains("grant CAP_") ? cause : cause + kInstall;
}

/// The answer to `exabgp --version`.
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
}  // namespace

User choose_exabgp_user(const std::string& directory, const std::string& relay_program) {
    const auto exabgp = find_user(kUser);
    if (::geteuid() != 0 || !exabgp)
        return own_user();
    for (const auto& path : {relay_program, directory}) {
        if (!can_execute(*exabgp, path)) {
            spdlog::warn("exabgp runs as {}, since its user {} may not reach {}", own_user().name, kUser,
                         path);
            return own_user();
        }
    }
    return *exabgp;
}

std::string relay_socket(const std::string& directory) {
    return directory + "/relay.sock";
}

Result<void> write_exabgp_config(const ExabgpPlace& place, const Neighbors& neighbors) {
    const auto socket = relay_socket(place.directory);
    if (!is_plain_word(socket) || !is_plain_word(place.relay_program))
        return fail("start exabgp: '{}' or '{}' has a blank or a sign that its configuration cannot hold",
                    socket, place.relay_program);
    const auto text = exabgp_config(neighbors, fmt::format("{} relay {}", place.relay_program, socket));
    return replace_file(place.directory + "/exabgp.conf", text, 0440);
}

asio::awaitable<std::string> check_exabgp_version(asio::io_context& loop, const ExabgpPlace& place) {
    auto child = Child::spawn(loop, {.arguments = {place.program, "--version"},
                                     .environment = exabgp_environment(place.user.name),
                                     .user = place.user,
                                     .passed = std::nullopt});
    if (!child)
        co_return with_remedy(child.error().message);
    std::string text;
    const auto take = [&](std::string_view bytes) {
        text += bytes.substr(0, kLongestVersion - std::min(kLongestVersion, text.size()));
    };
    asio::steady_timer limit(loop, kVersionWithin);
    const auto done =
        co_await ((read_all((*child)->output(), take) && (*child)->gone()) || limit.async_wait(kAnyOutcome));
    if (done.index() != 0)
        co_return fmt::format("run {}: it does not tell its version within {} s{}", place.program,
                              kVersionWithin.count(), kInstall);
    co_return what_is_wrong_with(text, place.program);
}

Result<std::unique_ptr<Child>> spawn_exabgp(asio::io_context& loop, const ExabgpPlace& place) {
    auto child = Child::spawn(loop, {.arguments = {place.program, place.directory + "/exabgp.conf"},
                                     .environment = exabgp_environment(place.user.name),
                                     .user = place.user,
                                     .passed = std::nullopt});
    if (!child)
        return fail("{}", with_remedy(child.error().message));
    return child;
}

/// Its relay may hold the pipe open longer than it lives.
asio::awaitable<std::string> run_to_end(Child& exabgp) {
    LastLine last;
    co_await (read_all(exabgp.output(), [&](std::string_view bytes) { last.add(bytes); }) || exabgp.gone());
    char rest[4096];
    for (ssize_t size; (size = ::read(exabgp.output().native_handle(), rest, sizeof(rest))) > 0;)
        last.add({rest, static_cast<std::size_t>(size)});
    const auto end = co_await exabgp.ended();
    co_return last.text.empty() ? fmt::format("exabgp ended: {}", end)
                                : fmt::format("exabgp ended: {}: {}", end, last.text);
}

}  // namespace guideway::bgp
