// SPDX-License-Identifier: Apache-2.0
#include "util/exclusive_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <charconv>
#include <filesystem>
#include <sstream>

#include "util/file.hpp"

namespace guideway {

namespace {
/// The process that holds a flock on the file, from /proc/locks; nothing if it is not to be seen from here.
std::string holder_of(int fd) {
    struct stat status{};
    const auto locks = read_file("/proc/locks");
    if (::fstat(fd, &status) != 0 || !locks)
        return {};
    const std::string wanted =
        fmt::format("{:02x}:{:02x}:{}", major(status.st_dev), minor(status.st_dev), status.st_ino);
    std::istringstream lines(*locks);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string number, kind, mode, access, process, file;
        words >> number >> kind >> mode >> access >> process >> file;
        if (kind == "FLOCK" && file == wanted)
            return process;
    }
    return {};
}
}  // namespace

Result<ExclusiveLock> ExclusiveLock::take(const std::string& directory) {
    UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!fd)
        return fail("lock {}: {}", directory, errno_text());
    if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0)
        return ExclusiveLock(std::move(fd));
    if (errno != EWOULDBLOCK)
        return fail("lock {}: {}", directory, errno_text());
    const std::string process = holder_of(fd.get());
    return fail("lock {}: {} holds it; stop that one first, or give this one a directory of its own",
                directory, process.empty() ? "another process" : "process " + process);
}

std::optional<int> ExclusiveLock::holder(const std::string& directory) {
    const UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const std::string process = fd ? holder_of(fd.get()) : "";
    int number = 0;
    const auto [end, error] = std::from_chars(process.data(), process.data() + process.size(), number);
    return error == std::errc{} && number > 0 ? std::optional(number) : std::nullopt;
}

bool ExclusiveLock::holds(const std::string& directory) const {
    struct stat locked{}, there{};
    return ::fstat(fd_.get(), &locked) == 0 && ::stat(directory.c_str(), &there) == 0 &&
           locked.st_dev == there.st_dev && locked.st_ino == there.st_ino;
}

Result<ExclusiveLock> ExclusiveLock::make_and_take(const std::string& directory) {
    std::error_code error;
    std::filesystem::create_directories(directory, error);
    if (error)
        return fail("make {}: {}", directory, error.message());
    return take(directory);
}

}  // namespace guideway
