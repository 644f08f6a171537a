// SPDX-License-Identifier: Apache-2.0
#include "util/process_usage.hpp"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>

namespace guideway {

namespace {
/// The numbers of /proc/self/stat that stand behind the name, which may hold spaces and brackets.
struct Stat {
    std::uint64_t start_ticks = 0;  ///< since the boot
    std::uint64_t virtual_bytes = 0;
    std::uint64_t resident_pages = 0;
};

Stat read_stat() {
    std::string text;
    std::ifstream file("/proc/self/stat");
    std::getline(file, text);
    const auto name_end = text.rfind(')');
    Stat stat;
    if (name_end == std::string::npos)
        return stat;
    std::istringstream fields(text.substr(name_end + 1));
    std::string skipped;
    constexpr int kBetweenNameAndStart = 19;  // proc(5): the name is field 2, the start is 22
    for (int field = 0; field < kBetweenNameAndStart; ++field)
        fields >> skipped;
    fields >> stat.start_ticks >> stat.virtual_bytes >> stat.resident_pages;
    return stat;
}

/// Seconds since the boot, suspended ones included, as a process's start is counted.
double uptime() {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double seconds(const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

std::uint64_t count_open_files() {
    std::error_code error;
    const std::filesystem::directory_iterator files("/proc/self/fd", error);
    // One of them is the directory's own.
    return error ? 0
                 : static_cast<std::uint64_t>(
                       std::max<std::ptrdiff_t>(std::distance(begin(files), end(files)) - 1, 0));
}
}  // namespace

ProcessUsage process_usage() {
    ProcessUsage usage;
    rusage used{};
    if (::getrusage(RUSAGE_SELF, &used) == 0)
        usage.cpu_seconds = seconds(used.ru_utime) + seconds(used.ru_stime);
    const Stat stat = read_stat();
    const double age =
        uptime() - static_cast<double>(stat.start_ticks) / static_cast<double>(::sysconf(_SC_CLK_TCK));
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    usage.started = std::chrono::duration<double>(now).count() - age;
    usage.virtual_bytes = stat.virtual_bytes;
    usage.resident_bytes = stat.resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    usage.open_files = count_open_files();
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
        usage.max_files = limit.rlim_cur;
    return usage;
}

}  // namespace guideway
