// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <string>

#include "util/result.hpp"

namespace guideway {

/// Listens on a socket in the file system, in the place of one that is there. From its first moment nobody
/// but those that `rights` name can connect. `group`: a name or number that the file is given to; empty: the
/// process's own. Errors: `listen on PATH: cause`.
[[nodiscard]] Result<boost::asio::local::stream_protocol::acceptor> listen_unix(
    boost::asio::io_context& loop, const std::string& path, mode_t rights, const std::string& group = {});

}  // namespace guideway
