// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "util/result.hpp"

namespace guideway::agent {

/// Tells when a file may have changed: written, replaced by a rename, or behind a symbolic link that was
/// swapped (a Kubernetes ConfigMap). It watches directories, since the file itself comes and goes. Events
/// that come close together are told once.
class FileWatch {
  public:
    [[nodiscard]] static Result<std::unique_ptr<FileWatch>> create(boost::asio::io_context& loop,
                                                                   std::string path,
                                                                   std::function<void()> on_change);

  private:
    FileWatch(boost::asio::io_context& loop, std::string path, int inotify, std::function<void()> on_change);
    [[nodiscard]] Result<void> watch_directories();
    void wait();
    void settle();

    std::string path_;
    boost::asio::posix::stream_descriptor inotify_;
    boost::asio::steady_timer settle_timer_;
    bool settling_ = false;
    std::function<void()> on_change_;
};

}  // namespace guideway::agent
