// SPDX-License-Identifier: Apache-2.0
#include "control.hpp"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace guideway::connections {

namespace {

constexpr std::size_t kMaxSessions = 16;
constexpr std::size_t kMaxLine = 1024;

Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path))
        return fail("use the socket {}: its path is longer than {} bytes", path,
                    sizeof(address.sun_path) - 1);
    std::ranges::copy(path, address.sun_path);
    return address;
}

/// Answers may be longer than a socket's buffer: the asking side reads them at once.
void send_blocking(int socket, const std::string& text) {
    for (std::size_t sent = 0; sent < text.size();) {
        const auto size = ::send(socket, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
        if (size <= 0)
            return;
        sent += static_cast<std::size_t>(size);
    }
}

}  // namespace

Result<Control> Control::listen(const std::string& path) {
    const auto address = unix_address(path);
    if (!address)
        return std::unexpected(address.error());
    UniqueFd listener(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::unlink(path.c_str());
    if (!listener ||
        ::bind(listener.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0 ||
        ::listen(listener.get(), kMaxSessions) != 0)
        return fail("listen on {}: {}", path, errno_text());
    return Control(std::move(listener));
}

void Control::poll(const Handler& handler) {
    while (sessions_.size() < kMaxSessions) {
        UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!socket)
            break;
        const timeval patience{.tv_sec = 1, .tv_usec = 0};
        ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
        sessions_.push_back({std::move(socket), {}, {}});
    }
    std::erase_if(sessions_, [&](Session& session) { return !serve(session, handler); });
}

bool Control::serve(Session& session, const Handler& handler) {
    std::array<char, kMaxLine> buffer;
    const auto size = ::recv(session.socket.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size == 0 || (size < 0 && errno != EAGAIN) || session.line.size() > kMaxLine)
        return false;
    session.line.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
    const auto end = session.line.find('\n');
    if (end == std::string::npos)
        return true;
    if (!session.answer)
        session.answer = handler(session.line.substr(0, end));
    const auto answer = session.answer();
    if (!answer)
        return true;
    send_blocking(session.socket.get(), answer->dump() + "\n");
    return false;
}

Result<std::string> ask(const std::string& path, const std::string& line, std::chrono::seconds timeout) {
    const auto address = unix_address(path);
    if (!address)
        return std::unexpected(address.error());
    const UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{.tv_sec = timeout.count(), .tv_usec = 0};
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) != 0)
        return fail("connect to {}: {}", path, errno_text());
    send_blocking(socket.get(), line + "\n");
    std::string answer;
    std::array<char, 65536> buffer;
    while (!answer.ends_with('\n')) {
        const auto size = ::recv(socket.get(), buffer.data(), buffer.size(), 0);
        if (size < 0)
            return fail("ask '{}' of {}: {}", line, path,
                        errno == EAGAIN ? fmt::format("no answer in {} s", timeout.count()) : errno_text());
        if (size == 0)
            return fail("ask '{}' of {}: it ended without an answer", line, path);
        answer.append(buffer.data(), static_cast<std::size_t>(size));
    }
    answer.pop_back();
    const auto parsed = nlohmann::json::parse(answer, nullptr, false);
    if (parsed.is_object() && parsed.contains("error"))
        return fail("{}", parsed["error"].get<std::string>());
    return answer;
}

}  // namespace guideway::connections
