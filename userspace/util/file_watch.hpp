// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "util/file.hpp"
#include "util/result.hpp"

namespace guideway {

/// Names in directories, by directory.
using WatchedNames = std::map<std::string, std::set<std::string>>;

/// The name of every directory, link and file that the path leads through, in its directory: whichever of
/// them is replaced, the path may lead to another file.
[[nodiscard]] WatchedNames names_along(const std::string& path);

/// Tells when a file has changed and nobody has it open for writing: it was written and closed, replaced by a
/// rename, or is now behind another link or directory (a Kubernetes ConfigMap). Of what else happens in its
/// directories nothing is told. Events make that quick; a look each second makes it certain.
class FileWatch {
  public:
    using OnChange = std::function<void()>;

    /// `known`: the state that was read already. Looks are taken in the pool, since a file system may hang;
    /// `on_change` is called from the loop.
    [[nodiscard]] static Result<std::unique_ptr<FileWatch>> create(boost::asio::io_context& loop,
                                                                   boost::asio::thread_pool& pool,
                                                                   std::string path, FileState known,
                                                                   OnChange on_change);

    /// The file could not be read: on_change is called again once no process has it open for writing.
    void tell_again() { told_ = {}; }

  private:
    FileWatch(boost::asio::io_context& loop, boost::asio::thread_pool& pool, std::string path, int inotify,
              FileState known, OnChange on_change);
    [[nodiscard]] boost::asio::awaitable<void> keep_reading_events();
    [[nodiscard]] boost::asio::awaitable<void> keep_looking();
    [[nodiscard]] bool take_events();
    void watch(const WatchedNames& names);
    void judge(const FileState& state);

    std::string path_;
    boost::asio::thread_pool& pool_;
    boost::asio::posix::stream_descriptor inotify_;
    boost::asio::steady_timer next_look_;
    std::map<int, std::set<std::string>> names_;  ///< by watch descriptor
    bool look_soon_ = false;                      ///< the next look is moved forward, once
    bool closed_ = false;                         ///< an event said that a writer is through
    FileState told_;                              ///< as it was told, or is known
    FileState seen_;                              ///< at the last look
    OnChange on_change_;
};

}  // namespace guideway
