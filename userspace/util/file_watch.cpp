// SPDX-License-Identifier: Apache-2.0
#include "util/file_watch.hpp"

#include <spdlog/spdlog.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <chrono>
#include <cstring>
#include <filesystem>

#include "util/in_pool.hpp"

namespace guideway {

namespace asio = boost::asio;
namespace fs = std::filesystem;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
/// Events that come this close together are looked at once.
constexpr std::chrono::milliseconds kSettleTime{50};
constexpr std::chrono::milliseconds kLookInterval{1000};
constexpr std::uint32_t kClosed = IN_CLOSE_WRITE | IN_MOVED_TO;
constexpr std::uint32_t kEvents =
    kClosed | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR;

struct Look {
    WatchedNames names;
    FileState state;
};

/// The rest of a path behind one of its parts.
fs::path rest_behind(fs::path::const_iterator part, const fs::path& path) {
    fs::path rest;
    while (++part != path.end())
        rest /= *part;
    return rest;
}
}  // namespace

WatchedNames names_along(const std::string& path) {
    constexpr int kLinksAtMost = 40;
    std::error_code error;
    WatchedNames names;
    fs::path rest = fs::absolute(path, error);
    for (int links = 0; links < kLinksAtMost; ++links) {
        fs::path walked = rest.root_path();
        const fs::path relative = rest.relative_path();
        bool linked = false;
        for (auto part = relative.begin(); part != relative.end() && !linked; ++part) {
            names[walked].insert(*part);
            const fs::path target = fs::read_symlink(walked / *part, error);
            linked = !error;
            if (linked)
                rest = walked / target / rest_behind(part, relative);
            else
                walked /= *part;
        }
        if (!linked)
            break;
    }
    return names;
}

Result<std::unique_ptr<FileWatch>> FileWatch::create(asio::io_context& loop, asio::thread_pool& pool,
                                                     std::string path, FileState known, OnChange on_change) {
    const int inotify = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (inotify < 0)
        return fail("watch {}: {}", path, errno_text());
    std::unique_ptr<FileWatch> watch(
        new FileWatch(loop, pool, std::move(path), inotify, known, std::move(on_change)));
    watch->watch(names_along(watch->path_));
    asio::co_spawn(loop, watch->keep_reading_events(), asio::detached);
    asio::co_spawn(loop, watch->keep_looking(), asio::detached);
    return watch;
}

FileWatch::FileWatch(asio::io_context& loop, asio::thread_pool& pool, std::string path, int inotify,
                     FileState known, OnChange on_change)
    : path_(std::move(path)),
      pool_(pool),
      inotify_(loop, inotify),
      next_look_(loop),
      told_(known),
      seen_(known),
      on_change_(std::move(on_change)) {}

/// A directory that does not exist is watched for in the one above it.
void FileWatch::watch(const WatchedNames& names) {
    std::map<int, std::set<std::string>> watched;
    for (const auto& [directory, parts] : names) {
        const int watch = ::inotify_add_watch(inotify_.native_handle(), directory.c_str(), kEvents);
        if (watch >= 0)
            watched[watch].insert(parts.begin(), parts.end());
        else if (errno != ENOENT && errno != ENOTDIR)
            spdlog::warn("watch {}: {}; what changes there is noticed within two seconds", directory,
                         errno_text());
    }
    for (const auto& [watch, parts] : names_) {
        if (!watched.contains(watch))
            ::inotify_rm_watch(inotify_.native_handle(), watch);
    }
    names_ = std::move(watched);
}

/// Whether one of them is about the path.
bool FileWatch::take_events() {
    bool concerned = false;
    alignas(inotify_event) char events[4096];
    ssize_t size = 0;
    while ((size = ::read(inotify_.native_handle(), events, sizeof(events))) > 0) {
        for (const char* at = events; at < events + size;) {
            inotify_event event{};
            std::memcpy(&event, at, sizeof(event));
            const std::string name = event.len > 0 ? at + sizeof(event) : "";
            at += sizeof(event) + event.len;
            const auto names = names_.find(event.wd);
            const bool ours = name.empty() || (names != names_.end() && names->second.contains(name));
            concerned |= ours;
            closed_ |= ours && (event.mask & kClosed) != 0;
        }
    }
    return concerned;
}

asio::awaitable<void> FileWatch::keep_reading_events() {
    for (;;) {
        const auto [error] =
            co_await inotify_.async_wait(asio::posix::descriptor_base::wait_read, kAnyOutcome);
        if (error)
            co_return;
        if (take_events() && !std::exchange(look_soon_, true))
            next_look_.expires_after(kSettleTime);
    }
}

asio::awaitable<void> FileWatch::keep_looking() {
    for (;;) {
        next_look_.expires_after(look_soon_ ? kSettleTime : kLookInterval);
        do {
            co_await next_look_.async_wait(kAnyOutcome);
        } while (next_look_.expiry() > asio::steady_timer::clock_type::now());
        look_soon_ = false;
        const auto look =
            co_await in_pool(pool_, [this] { return Look{names_along(path_), look_at_file(path_)}; });
        watch(look.names);
        judge(look.state);
    }
}

/// What is absent for a moment is being replaced. Where nobody tells whether it is being written, it is left
/// alone until an event says so, or two looks have found the same.
void FileWatch::judge(const FileState& state) {
    const bool closed = std::exchange(closed_, false);
    const bool same = std::exchange(seen_, state) == state;
    if (state == told_ || state.being_written.value_or(false))
        return;
    const bool certain = state.present && (state.being_written || closed);
    if (!certain && !same)
        return;
    told_ = state;
    on_change_();
}

}  // namespace guideway
