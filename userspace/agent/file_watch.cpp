// SPDX-License-Identifier: Apache-2.0
#include "agent/file_watch.hpp"

#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <set>

namespace guideway::agent {

namespace {
constexpr std::chrono::milliseconds kSettleTime{50};
constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB;

/// The directories of the path and of every link that it leads through, be it of the file or of a directory.
std::set<std::filesystem::path> directories_of(const std::filesystem::path& path) {
    constexpr int kLinksAtMost = 40;
    std::error_code error;
    std::set<std::filesystem::path> directories;
    auto rest = std::filesystem::absolute(path, error);
    for (int links = 0; links < kLinksAtMost; ++links) {
        directories.insert(rest.parent_path());
        std::filesystem::path walked;
        bool linked = false;
        for (auto part = rest.begin(); part != rest.end() && !linked; ++part) {
            walked /= *part;
            const auto target = std::filesystem::read_symlink(walked, error);
            if (error)
                continue;
            linked = true;
            directories.insert(walked.parent_path());
            auto resolved = walked.parent_path() / target;
            while (++part != rest.end())
                resolved /= *part;
            rest = resolved;
            break;
        }
        if (!linked)
            break;
    }
    return directories;
}
}  // namespace

Result<std::unique_ptr<FileWatch>> FileWatch::create(boost::asio::io_context& loop, std::string path,
                                                     std::function<void()> on_change) {
    const int inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (inotify < 0)
        return fail("watch {}: {}", path, errno_text());
    std::unique_ptr<FileWatch> watch(new FileWatch(loop, std::move(path), inotify, std::move(on_change)));
    if (auto watched = watch->watch_directories(); !watched)
        return std::unexpected(watched.error());
    watch->wait();
    return watch;
}

FileWatch::FileWatch(boost::asio::io_context& loop, std::string path, int inotify,
                     std::function<void()> on_change)
    : path_(std::move(path)),
      inotify_(loop, inotify),
      settle_timer_(loop),
      on_change_(std::move(on_change)) {}

/// Adding a directory again is harmless; directories that the path has left stay watched.
Result<void> FileWatch::watch_directories() {
    for (const auto& directory : directories_of(path_)) {
        if (::inotify_add_watch(inotify_.native_handle(), directory.c_str(), kEvents) < 0 && errno != ENOENT)
            return fail("watch {}: {}", directory.string(), errno_text());
    }
    return {};
}

void FileWatch::wait() {
    inotify_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                        [this](const boost::system::error_code& error) {
                            if (error)
                                return;
                            char events[4096];
                            while (::read(inotify_.native_handle(), events, sizeof(events)) > 0) {
                            }
                            settle();
                            wait();
                        });
}

/// A timer that runs is not put off: a busy directory would put it off for ever.
void FileWatch::settle() {
    if (settling_)
        return;
    settling_ = true;
    settle_timer_.expires_after(kSettleTime);
    settle_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error)
            return;
        settling_ = false;
        if (auto watched = watch_directories(); !watched)
            spdlog::warn("{}", watched.error().message);
        on_change_();
    });
}

}  // namespace guideway::agent
