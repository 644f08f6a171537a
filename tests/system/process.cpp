// SPDX-License-Identifier: Apache-2.0
#include "process.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "util/ip_address.hpp"

namespace guideway {

void die_with_parent() {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
}

UniqueFd end_signal() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    ::sigprocmask(SIG_BLOCK, &signals, nullptr);
    return UniqueFd(::signalfd(-1, &signals, SFD_CLOEXEC));
}

bool is_readable(const UniqueFd& fd) {
    pollfd poll{fd.get(), POLLIN, 0};
    return ::poll(&poll, 1, 0) > 0;
}

Result<void> raise_file_limit(std::uint64_t files) {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    const rlimit wanted{std::max<rlim_t>(limit.rlim_cur, files), std::max<rlim_t>(limit.rlim_max, files)};
    if (::setrlimit(RLIMIT_NOFILE, &wanted) != 0)
        return fail(
            "raise the limit of open files to {}: {} (the hard limit is {}; raise it by 'ulimit -Hn')", files,
            errno_text(), limit.rlim_max);
    return {};
}

Result<Endpoint> make_endpoint(const std::string& text, std::uint16_t port) {
    const auto address = IpAddress::parse(text);
    if (!address)
        return fail("'{}' is not an address", text);
    Endpoint result;
    if (address->is_v4()) {
        auto& v4 = reinterpret_cast<sockaddr_in&>(result.address);
        v4.sin_family = AF_INET;
        v4.sin_port = htons(port);
        std::memcpy(&v4.sin_addr, address->wire(), sizeof(v4.sin_addr));
        result.length = sizeof(v4);
    } else {
        auto& v6 = reinterpret_cast<sockaddr_in6&>(result.address);
        v6.sin6_family = AF_INET6;
        v6.sin6_port = htons(port);
        std::memcpy(&v6.sin6_addr, address->wire(), sizeof(v6.sin6_addr));
        result.length = sizeof(v6);
    }
    return result;
}

}  // namespace guideway
