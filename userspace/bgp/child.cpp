// SPDX-License-Identifier: Apache-2.0
#include "bgp/child.hpp"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <filesystem>

#include "util/unique_fd.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;

namespace {
std::vector<char*> pointers_to(const std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (const auto& text : texts)
        pointers.push_back(const_cast<char*>(text.c_str()));
    pointers.push_back(nullptr);
    return pointers;
}

struct Pipe {
    UniqueFd reader;
    UniqueFd writer;
};

Result<Pipe> make_pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
        return fail("make a pipe: {}", errno_text());
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

/// In the child, where nothing may allocate. Returns only if something failed.
void become(const std::optional<User>& user, char* const* arguments, char* const* environment, int output,
            pid_t parent) {
    const int null = ::open("/dev/null", O_RDONLY);
    if (null < 0 || ::dup2(null, STDIN_FILENO) < 0 || ::dup2(output, STDOUT_FILENO) < 0 ||
        ::dup2(output, STDERR_FILENO) < 0)
        return;
    if (user && (::setgroups(0, nullptr) != 0 || ::setgid(user->gid) != 0 || ::setuid(user->uid) != 0))
        return;
    // A change of user clears it, so it comes after; the parent may be gone by then.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return;
    if (::getppid() != parent)
        ::_exit(1);
    ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    ::execvpe(arguments[0], arguments, environment);
}

/// What the child could not do; 0 once it runs.
int exec_error(int report) {
    int error = 0;
    ssize_t size;
    do {
        size = ::read(report, &error, sizeof(error));
    } while (size < 0 && errno == EINTR);
    return size == sizeof(error) ? error : 0;
}

std::string end_text(int status) {
    if (WIFSIGNALED(status))
        return fmt::format("signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
    return fmt::format("exit status {}", WEXITSTATUS(status));
}
}  // namespace

std::optional<User> find_user(const std::string& name) {
    const passwd* entry = ::getpwnam(name.c_str());
    if (entry == nullptr)
        return std::nullopt;
    return User{name, entry->pw_uid, entry->pw_gid};
}

User own_user() {
    const passwd* entry = ::getpwuid(::geteuid());
    return {entry == nullptr ? std::to_string(::geteuid()) : entry->pw_name, ::geteuid(), ::getegid()};
}

bool can_execute(const User& user, const std::string& path) {
    if (user.uid == 0)
        return true;
    std::filesystem::path walked;
    for (const auto& part : std::filesystem::path(path)) {
        walked /= part;
        struct stat status {};
        if (::stat(walked.c_str(), &status) != 0)
            return false;
        const mode_t bit = status.st_uid == user.uid   ? S_IXUSR
                           : status.st_gid == user.gid ? S_IXGRP
                                                       : S_IXOTH;
        if ((status.st_mode & bit) == 0)
            return false;
    }
    return true;
}

Result<std::unique_ptr<Child>> Child::spawn(asio::io_context& loop, const ChildOptions& options) {
    auto output = make_pipe();
    auto report = make_pipe();
    if (!output || !report)
        return std::unexpected(!output ? output.error() : report.error());
    const auto arguments = pointers_to(options.arguments);
    const auto environment = pointers_to(options.environment);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid < 0)
        return fail("run {}: {}", options.arguments.front(), errno_text());
    if (pid == 0) {
        become(options.user, arguments.data(), environment.data(), output->writer.get(), parent);
        const int error = errno;
        static_cast<void>(!::write(report->writer.get(), &error, sizeof(error)));
        ::_exit(127);
    }
    report->writer.reset();
    if (const int error = exec_error(report->reader.get()); error != 0) {
        ::waitpid(pid, nullptr, 0);
        return fail("run {}: {}", options.arguments.front(), errno_text(error));
    }
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) {
        const std::string cause = errno_text();
        ::kill(pid, SIGKILL);
        ::waitpid(pid, nullptr, 0);
        return fail("watch {}: {}", options.arguments.front(), cause);
    }
    return std::unique_ptr<Child>(new Child(loop, pid, pidfd, output->reader.release()));
}

Child::Child(asio::io_context& loop, pid_t pid, int pidfd, int output)
    : pid_(pid), pidfd_(loop, pidfd), output_(loop, output) {}

Child::~Child() {
    if (reaped_)
        return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
}

void Child::signal(int number) const {
    if (!reaped_)
        ::kill(pid_, number);
}

asio::awaitable<void> Child::gone() {
    co_await pidfd_.async_wait(asio::posix::descriptor_base::wait_read, asio::as_tuple(asio::use_awaitable));
}

asio::awaitable<std::string> Child::ended() {
    co_await gone();
    int status = 0;
    ::waitpid(pid_, &status, 0);
    reaped_ = true;
    co_return end_text(status);
}

}  // namespace guideway::bgp
