// SPDX-License-Identifier: Apache-2.0
#include "util/log.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace guideway {

namespace {
constexpr std::chrono::seconds kRepeatsApart{5};

/// Whether a write of a page would not wait. A pipe that nobody reads fills up.
bool is_writable(int fd) {
    pollfd waiting{.fd = fd, .events = POLLOUT, .revents = 0};
    return ::poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLOUT) != 0;
}

/// False if somebody would have to be waited for.
bool write_line(int fd, std::string_view line) {
    constexpr std::size_t kPage = 4096;
    while (!line.empty()) {
        if (!is_writable(fd))
            return false;
        const ssize_t count = ::write(fd, line.data(), std::min(line.size(), kPage));
        if (count < 0 && errno != EINTR)
            return false;
        line.remove_prefix(count > 0 ? static_cast<std::size_t>(count) : 0);
    }
    return true;
}

/// Whether stderr is connected to the journal: systemd sets JOURNAL_STREAM to its `device:inode`.
bool is_journal() {
    const char* told = std::getenv("JOURNAL_STREAM");
    struct stat status{};
    return told != nullptr && ::fstat(STDERR_FILENO, &status) == 0 &&
           fmt::format("{}:{}", status.st_dev, status.st_ino) == told;
}

/// As sd-daemon(3) has them.
int journal_level(spdlog::level::level_enum level) {
    switch (level) {
        case spdlog::level::critical:
        case spdlog::level::err:
            return 3;
        case spdlog::level::warn:
            return 4;
        case spdlog::level::info:
            return 6;
        default:
            return 7;
    }
}

/// Nobody waits for who reads it: what does not fit is counted, and told of later.
class Stderr final : public spdlog::sinks::base_sink<std::mutex> {
  private:
    void sink_it_(const spdlog::details::log_msg& message) override {
        const std::string_view text(message.payload.data(), message.payload.size());
        if (text == last_ && message.time - last_at_ < kRepeatsApart) {
            ++repeats_;
            return;
        }
        if (const auto repeats = std::exchange(repeats_, 0); repeats > 0)
            write(fmt::format("info: the last line came {} more times\n", repeats));
        last_ = text;
        last_at_ = message.time;
        spdlog::memory_buf_t line;
        formatter_->format(message, line);
        const std::string_view formatted(line.data(), line.size());
        write(for_journal_ ? fmt::format("<{}>{}", journal_level(message.level), formatted)
                           : std::string(formatted));
    }
    void flush_() override {}

    void write(std::string_view line) {
        if (lost_ > 0 &&
            write_line(STDERR_FILENO, fmt::format("warning: {} lines were lost: nobody read them\n", lost_)))
            lost_ = 0;
        if (lost_ > 0 || !write_line(STDERR_FILENO, line))
            ++lost_;
    }

    const bool for_journal_ = is_journal();
    std::string last_;
    std::chrono::system_clock::time_point last_at_;
    std::uint64_t repeats_ = 0;
    std::uint64_t lost_ = 0;
};
}  // namespace

void set_up_log(const std::string& level) {
    auto logger = std::make_shared<spdlog::logger>("guideway", std::make_shared<Stderr>());
    logger->set_pattern(::isatty(STDERR_FILENO) != 0 ? "%H:%M:%S %l: %v" : "%l: %v");
    logger->set_level(spdlog::level::from_str(level));
    spdlog::set_default_logger(std::move(logger));
}

}  // namespace guideway
