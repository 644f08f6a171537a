// SPDX-License-Identifier: Apache-2.0
#include "util/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "util/unique_fd.hpp"

namespace guideway {

namespace {

std::string_view kind_of(mode_t mode) {
    switch (mode & S_IFMT) {
        case S_IFDIR:
            return "a directory";
        case S_IFIFO:
            return "a FIFO";
        case S_IFSOCK:
            return "a socket";
        default:
            return "a device";
    }
}

Result<std::string> read_all(int file, const std::string& path) {
    std::string text;
    char buffer[64 * 1024];
    for (;;) {
        const ssize_t count = ::read(file, buffer, sizeof(buffer));
        if (count == 0)
            return text;
        if (count < 0 && errno != EINTR)
            return fail("read {}: {}", path, errno_text());
        if (count > 0)
            text.append(buffer, static_cast<std::size_t>(count));
        if (text.size() > kLargestFile)
            return fail("read {}: it is larger than {} MiB", path, kLargestFile >> 20);
    }
}

std::int64_t nanoseconds(const timespec& time) {
    return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

/// A read lease is refused as long as a writer has the file open. It is given back at once; a writer that
/// comes in between waits for that, and this process gets a SIGIO, which it is to ignore.
std::optional<bool> is_being_written(int file) {
    if (::fcntl(file, F_SETLEASE, F_RDLCK) == 0) {
        ::fcntl(file, F_SETLEASE, F_UNLCK);
        return false;
    }
    return errno == EAGAIN ? std::optional(true) : std::nullopt;
}

/// Opens it for reading, if it is a regular file: opening another kind may wait, or do something.
Result<UniqueFd> open_regular(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        return fail("read {}: {}", path, errno_text());
    if (!S_ISREG(status.st_mode))
        return fail("read {}: it is {}, and must be a regular file", path, kind_of(status.st_mode));
    UniqueFd file(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file)
        return fail("read {}: {}", path, errno_text());
    return file;
}

Result<void> write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t count = ::write(file, text.data(), text.size());
        if (count < 0 && errno != EINTR)
            return fail("{}", errno_text());
        if (count > 0)
            text.remove_prefix(static_cast<std::size_t>(count));
    }
    return {};
}
}  // namespace

Result<std::string> read_file(const std::string& path) {
    const auto file = open_regular(path);
    if (!file)
        return std::unexpected(file.error());
    return read_all(file->get(), path);
}

Result<std::string> read_input(const std::string& path) {
    if (path != "/dev/stdin" && !path.starts_with("/dev/fd/"))
        return read_file(path);
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return fail("read {}: {}", path, errno_text());
    return read_all(file.get(), path);
}

FileState look_at_file(const std::string& path) {
    FileState state;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        return state;
    state = {.present = true,
             .device = status.st_dev,
             .inode = status.st_ino,
             .size = static_cast<std::uint64_t>(status.st_size),
             .modified = nanoseconds(status.st_mtim),
             .changed = nanoseconds(status.st_ctim),
             .being_written = {}};
    if (const auto file = open_regular(path))
        state.being_written = is_being_written(file->get());
    return state;
}

Result<void> check_secret_file(const std::string& path) {
    constexpr mode_t kOfOthers = S_IRWXO | S_IWGRP;
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0)
        return fail("read {}: {}", path, errno_text());
    if (!S_ISREG(status.st_mode))
        return {};
    if (status.st_uid != 0 && status.st_uid != ::geteuid())
        return fail("{}: user {} owns this secret, and can read and replace it: chown root {}", path,
                    status.st_uid, path);
    if ((status.st_mode & kOfOthers) == 0)
        return {};
    return fail("{}: others can read or write this secret (its mode is {:04o}): chmod 600 {}", path,
                static_cast<unsigned>(status.st_mode & 07777), path);
}

Result<void> make_secret_file(const std::string& path, std::string_view text) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR));
    if (!file)
        return fail("write {}: {}", path, errno_text());
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()) ||
        ::fsync(file.get()) != 0) {
        const auto cause = errno_text();
        ::unlink(path.c_str());
        return fail("write {}: {}", path, cause);
    }
    return {};
}

Result<void> write_file(const std::string& path, std::string_view text) {
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return fail("write {}: {}", path, errno_text());
    return {};
}

Result<void> replace_file(const std::string& path, std::string_view text, mode_t rights) {
    const std::string fresh = path + ".new";
    ::unlink(fresh.c_str());  // whatever it is: to open a FIFO would wait
    const UniqueFd file(::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, rights));
    if (!file)
        return fail("write {}: {}", fresh, errno_text());
    if (auto written = write_all(file.get(), text); !written)
        return fail("write {}: {}", path, written.error().message);
    if (::fsync(file.get()) != 0 || std::rename(fresh.c_str(), path.c_str()) != 0)
        return fail("write {}: {}", path, errno_text());
    const UniqueFd directory(
        ::open(std::filesystem::path(path).parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory || ::fsync(directory.get()) != 0)
        return fail("write {}: sync its directory: {}", path, errno_text());
    return {};
}

}  // namespace guideway
