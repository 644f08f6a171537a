// SPDX-License-Identifier: Apache-2.0
#include "util/unix_listener.hpp"

#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace guideway {

Result<boost::asio::local::stream_protocol::acceptor> listen_unix(boost::asio::io_context& loop,
                                                                  const std::string& path, mode_t rights) {
    using Unix = boost::asio::local::stream_protocol;
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return fail("listen on {}: the path is longer than the {} bytes that a socket's may have", path,
                    sizeof(sockaddr_un::sun_path) - 1);
    ::unlink(path.c_str());
    Unix::acceptor acceptor(loop);
    boost::system::error_code error;
    acceptor.open({}, error);
    const mode_t before = ::umask(0777 & ~rights);
    if (!error)
        acceptor.bind(Unix::endpoint(path), error);
    ::umask(before);
    if (!error)
        acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
    if (error)
        return fail("listen on {}: {}", path, error.message());
    return acceptor;
}

}  // namespace guideway
