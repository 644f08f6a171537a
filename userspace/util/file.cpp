// SPDX-License-Identifier: Apache-2.0
#include "util/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

#include "util/unique_fd.hpp"

namespace guideway {

Result<std::string> read_file(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file)
        return fail("read {}: {}", path, errno_text());
    std::string text;
    char buffer[64 * 1024];
    for (;;) {
        const ssize_t count = ::read(file.get(), buffer, sizeof(buffer));
        if (count == 0)
            return text;
        if (count < 0 && errno != EINTR)
            return fail("read {}: {}", path, errno_text());
        if (count > 0)
            text.append(buffer, static_cast<std::size_t>(count));
    }
}

Result<void> check_secret_file(const std::string& path) {
    constexpr mode_t kOfOthers = S_IRWXO | S_IWGRP;
    struct stat status {};
    if (::stat(path.c_str(), &status) != 0)
        return fail("read {}: {}", path, errno_text());
    if (!S_ISREG(status.st_mode) || (status.st_mode & kOfOthers) == 0)
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
    const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
        return fail("write {}: {}", path, errno_text());
    return {};
}

Result<void> replace_file(const std::string& path, std::string_view text) {
    const std::string fresh = path + ".new";
    std::ofstream file(fresh, std::ios::trunc);
    file << text;
    file.close();
    if (!file || std::rename(fresh.c_str(), path.c_str()) != 0)
        return fail("write {}: {}", path, errno_text());
    return {};
}

}  // namespace guideway
