// SPDX-License-Identifier: Apache-2.0
#include "util/unix_listener.hpp"

#include <grp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

namespace guideway {

namespace {
Result<gid_t> find_group(const std::string& name) {
    gid_t number = 0;
    const char* end = name.data() + name.size();
    if (const auto [rest, error] = std::from_chars(name.data(), end, number);
        error == std::errc{} && rest == end)
        return number;
    errno = 0;
    const group* found = ::getgrnam(name.c_str());
    if (found == nullptr)
        return fail("there is no group '{}'{}", name, errno != 0 ? ": " + errno_text() : "");
    return found->gr_gid;
}

/// The group is set while nobody of it can connect yet.
Result<void> give_to(const std::string& path, const std::string& group, mode_t rights) {
    const auto number = find_group(group);
    if (!number)
        return std::unexpected(number.error());
    constexpr auto kSameOwner = static_cast<uid_t>(-1);
    if (::lchown(path.c_str(), kSameOwner, *number) != 0)
        return fail("give it to group '{}': {}; this needs CAP_CHOWN, or the process to be in the group",
                    group, errno_text());
    if (::chmod(path.c_str(), rights) != 0)
        return fail("make it accessible to group '{}': {}", group, errno_text());
    return {};
}
}  // namespace

Result<boost::asio::local::stream_protocol::acceptor> listen_unix(boost::asio::io_context& loop,
                                                                  const std::string& path, mode_t rights,
                                                                  const std::string& group) {
    using Unix = boost::asio::local::stream_protocol;
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return fail("listen on {}: the path is longer than the {} bytes that a socket's may have", path,
                    sizeof(sockaddr_un::sun_path) - 1);
    ::unlink(path.c_str());
    Unix::acceptor acceptor(loop);
    boost::system::error_code error;
    acceptor.open({}, error);
    constexpr mode_t kOwner = S_IRWXU;
    const mode_t before = ::umask(0777 & ~(group.empty() ? rights : rights & kOwner));
    if (!error)
        acceptor.bind(Unix::endpoint(path), error);
    ::umask(before);
    if (!error && !group.empty()) {
        if (const auto given = give_to(path, group, rights); !given)
            return fail("listen on {}: {}", path, given.error().message);
    }
    if (!error)
        acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
    if (error)
        return fail("listen on {}: {}", path, error.message());
    return acceptor;
}

}  // namespace guideway
