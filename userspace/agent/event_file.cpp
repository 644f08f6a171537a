// SPDX-License-Identifier: Apache-2.0
#include "agent/event_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "util/file.hpp"
#include "util/unique_fd.hpp"

namespace guideway::agent {

namespace {
std::size_t count_lines(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

/// Writes all of it; how much was written in any case.
std::size_t write_all(int fd, std::string_view text) {
    std::size_t written = 0;
    while (written < text.size()) {
        const auto size = ::write(fd, text.data() + written, text.size() - written);
        if (size < 0 && errno == EINTR)
            continue;
        if (size <= 0)
            break;
        written += static_cast<std::size_t>(size);
    }
    return written;
}

/// Whether the file ends in a line that is cut off: an agent or its host ended while it wrote.
bool ends_within_line(int fd, off_t size) {
    char last = '\n';
    return size > 0 && ::pread(fd, &last, 1, size - 1) == 1 && last != '\n';
}
}  // namespace

EventFile::EventFile(std::string directory, std::size_t kept)
    : path_(directory + "/events.jsonl"),
      former_path_(std::move(directory) + "/events.1.jsonl"),
      kept_(kept) {}

EventFile::Read EventFile::read() {
    Read read;
    for (const auto& path : {former_path_, path_}) {
        if (::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
            continue;
        const auto text = read_file(path);
        if (!text) {
            read.errors.push_back(text.error().message);
            continue;
        }
        if (path == path_)
            lines_ = count_lines(*text);
        for (std::string_view rest = *text; !rest.empty();) {
            const auto end = rest.find('\n');
            const auto line = rest.substr(0, end);
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
            auto event = api::read_event(line);
            // Ids rise; what does not was put there by somebody else.
            if (event && (read.events.empty() || event->id > read.events.back().id))
                read.events.push_back(std::move(*event));
            else
                ++read.broken;
        }
    }
    if (read.events.size() > kept_)
        read.events.erase(read.events.begin(), read.events.end() - static_cast<std::ptrdiff_t>(kept_));
    return read;
}

Result<void> EventFile::append(std::string_view lines) {
    if (auto room = rotate_if_full(); !room)
        return room;
    constexpr mode_t kOwner = S_IRUSR | S_IWUSR;
    constexpr int kFlags = O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW;
    const UniqueFd fd(::open(path_.c_str(), kFlags, kOwner));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0)
        return fail("write {}: {}", path_, errno_text());
    if (!S_ISREG(status.st_mode))
        return fail("write {}: it is no regular file", path_);
    std::string text = ends_within_line(fd.get(), status.st_size) ? "\n" : "";
    text += lines;
    if (write_all(fd.get(), text) < text.size()) {
        const auto cause = errno_text();
        if (::ftruncate(fd.get(), status.st_size) != 0)
            return fail("write {}: {}; its last line is cut off", path_, cause);
        return fail("write {}: {}", path_, cause);
    }
    lines_ = (status.st_size == 0 ? 0 : lines_) + count_lines(text);
    return {};
}

Result<void> EventFile::rotate_if_full() {
    if (lines_ < kept_)
        return {};
    if (std::rename(path_.c_str(), former_path_.c_str()) != 0 && errno != ENOENT)
        return fail("rename {}: {}", path_, errno_text());
    lines_ = 0;
    return {};
}

}  // namespace guideway::agent
