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

/// What become() needs, made before the fork.
struct Plan {
    const char* program;
    std::vector<char*> arguments;
    std::vector<char*> environment;
    const std::optional<User>& user;
    int output = -1;
    int passed = -1;
    pid_t parent = 0;
};

/// Somebody who reads this process's output from a pipe waits for its end: that must not be the child's.
bool keep_output() {
    struct stat status{};
    if (::fstat(STDERR_FILENO, &status) == 0 && !S_ISFIFO(status.st_mode))
        return ::dup2(STDERR_FILENO, STDOUT_FILENO) >= 0;
    const int null = ::open("/dev/null", O_WRONLY);
    return null >= 0 && ::dup2(null, STDOUT_FILENO) >= 0 && ::dup2(null, STDERR_FILENO) >= 0;
}

bool redirect(const Plan& plan) {
    const int null = ::open("/dev/null", O_RDONLY);
    if (null < 0 || ::dup2(null, STDIN_FILENO) < 0)
        return false;
    if (plan.passed >= 0)
        return keep_output();
    return ::dup2(plan.output, STDOUT_FILENO) >= 0 && ::dup2(plan.output, STDERR_FILENO) >= 0;
}

/// A change of user clears the signal, so this comes after it; the parent may be gone by then. The kernel
/// asks whether the parent may send it.
bool die_with_parent(pid_t parent) {
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
        return false;
    if (::getppid() != parent)
        ::_exit(1);
    return true;
}

bool pass(int descriptor) {
    return descriptor == kPassedDescriptor ? ::fcntl(descriptor, F_SETFD, 0) == 0
                                           : ::dup2(descriptor, kPassedDescriptor) >= 0;
}

/// A service manager that stops a service may signal all of its processes at once. This one ends when it is
/// told to, after the routes have been withdrawn.
bool ignore_stop_signals() {
    sigset_t signals;
    ::sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP})
        ::sigaddset(&signals, signal);
    return ::sigprocmask(SIG_BLOCK, &signals, nullptr) == 0;
}

/// In the child, where nothing may allocate. Returns only if something failed.
void become(const Plan& plan) {
    if (!redirect(plan) || ::chdir("/") != 0)
        return;
    const auto& user = plan.user;
    if (user && (::setgroups(0, nullptr) != 0 || ::setgid(user->gid) != 0 || ::setuid(user->uid) != 0))
        return;
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return;
    ::syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    if (!ignore_stop_signals())
        return;
    if (plan.passed >= 0 ? ::setsid() < 0 || !pass(plan.passed) : !die_with_parent(plan.parent))
        return;
    ::execvpe(plan.program, plan.arguments.data(), plan.environment.data());
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

/// Those that had not ended when they were let go of, to be collected later.
std::vector<pid_t>& uncollected() {
    static std::vector<pid_t> pids;
    return pids;
}

void collect() {
    std::erase_if(uncollected(), [](pid_t pid) { return ::waitpid(pid, nullptr, WNOHANG) != 0; });
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
        struct stat status{};
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

void kill_process(int pidfd, uid_t user) {
    const auto signal = [pidfd] { return ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0); };
    if (pidfd < 0 || signal() == 0 || errno != EPERM)
        return;
    const pid_t helper = ::fork();
    if (helper == 0) {
        // Past the library, whose locks another thread may hold.
        if (::syscall(SYS_setresuid, user, user, user) == 0)
            signal();
        ::_exit(0);
    }
    if (helper > 0)
        ::waitpid(helper, nullptr, 0);
}

Result<std::unique_ptr<Child>> Child::spawn(asio::io_context& loop, const ChildOptions& options) {
    collect();
    const auto& program = options.program.empty() ? options.arguments.front() : options.program;
    auto report = make_pipe();
    auto output = options.passed ? Result<Pipe>(Pipe{}) : make_pipe();
    if (!output || !report)
        return std::unexpected(!output ? output.error() : report.error());
    // Not the number that the passed one gets.
    const int number = ::fcntl(report->writer.get(), F_DUPFD_CLOEXEC, kPassedDescriptor + 1);
    report->writer.reset(number);
    const Plan plan{.program = program.c_str(),
                    .arguments = pointers_to(options.arguments),
                    .environment = pointers_to(options.environment),
                    .user = options.user,
                    .output = output->writer.get(),
                    .passed = options.passed.value_or(-1),
                    .parent = ::getpid()};
    const pid_t pid = number < 0 ? -1 : ::fork();
    if (pid < 0)
        return fail("run {}: {}", program, errno_text());
    if (pid == 0) {
        become(plan);
        const int error = errno;
        static_cast<void>(!::write(number, &error, sizeof(error)));
        ::_exit(127);
    }
    report->writer.reset();
    if (const int error = exec_error(report->reader.get()); error != 0) {
        ::waitpid(pid, nullptr, 0);
        if (error == EPERM && options.user)
            return fail("become {}, to run {}: {}; grant CAP_SETUID and CAP_SETGID", options.user->name,
                        program, errno_text(error));
        return fail("run {}: {}", program, errno_text(error));
    }
    const int pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) {
        const std::string cause = errno_text();
        ::kill(pid, SIGKILL);  // no more can be done without a descriptor
        return fail("watch {}: {}", program, cause);
    }
    const uid_t user = options.user ? options.user->uid : ::geteuid();
    return std::unique_ptr<Child>(new Child(loop, pid, user, pidfd, std::move(output->reader)));
}

Child::Child(asio::io_context& loop, pid_t pid, uid_t user, int pidfd, UniqueFd output)
    : pid_(pid), user_(user), pidfd_(loop, pidfd), output_(loop) {
    if (output)
        output_.assign(output.release());
}

/// One that does not end at once, or that this process may not kill, is not waited for.
Child::~Child() {
    if (!disowned_)
        kill();
    if (!reaped_)
        uncollected().push_back(pid_);
    collect();
}

void Child::kill() const {
    if (!reaped_)
        kill_process(pidfd_.native_handle(), user_);
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
