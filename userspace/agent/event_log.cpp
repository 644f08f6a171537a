// SPDX-License-Identifier: Apache-2.0
#include "agent/event_log.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace guideway::agent {

namespace asio = boost::asio;

namespace {
using Json = nlohmann::ordered_json;

/// In one write; some hundreds of kilobytes.
constexpr std::size_t kLinesInWrite = 2000;
constexpr std::chrono::seconds kRetry{10};
constexpr std::size_t kLongestReason = 300;

std::string line_of(const api::Event& event) {
    return api::to_json(event).dump(-1, ' ', false, Json::error_handler_t::replace);
}
}  // namespace

EventLog::EventLog(Executors& executors, const RunningConfig& running, asio::io_context& talking,
                   std::string directory)
    : executors_(executors),
      running_(running),
      feed_(talking),
      file_(std::move(directory), api::EventFeed::kKept),
      others_timer_(executors.loop) {
    const auto read = file_.read();
    for (const auto& error : read.errors)
        spdlog::warn("{}; events before this start are not known", error);
    if (read.broken > 0)
        spdlog::warn("{} lines of {} are no events, or cut off: they are skipped", read.broken, file_.path());
    for (const auto& event : read.events) {
        former_.note(event, std::nullopt);
        feed_.add(event.id, line_of(event));
    }
    last_ = written_ = read.events.empty() ? 0 : read.events.back().id;
}

void EventLog::note(api::Event event) {
    const auto now = std::chrono::steady_clock::now();
    event.at = std::chrono::system_clock::now();
    if (event.reason.size() > kLongestReason)
        event.reason.replace(kLongestReason, std::string::npos, "...");
    if (throttle_.admits(event, now)) {
        event.lasted = former_.note(event, now);
        event.name = name_of(event);
        tell(std::move(event));
    } else {
        former_.forget(event);
        tell_others_later();
    }
}

void EventLog::tell(api::Event event) {
    event.id = ++last_;
    feed_.add(event.id, line_of(event));
    write_later();
}

void EventLog::tell_others_later() {
    const auto due = throttle_.due();
    if (!due || std::exchange(others_are_due_, true))
        return;
    others_timer_.expires_at(*due);
    others_timer_.async_wait([this](const boost::system::error_code& error) {
        if (error)
            return;
        others_are_due_ = false;
        for (auto& event : throttle_.take_due(std::chrono::steady_clock::now()))
            tell(std::move(event));
        tell_others_later();
    });
}

void EventLog::write_later() {
    if (!std::exchange(writing_, true))
        spawn(executors_.loop, write_out());
}

asio::awaitable<void> EventLog::write_out() {
    asio::steady_timer timer(executors_.loop);
    for (bool more = true; more;) {
        const auto written = co_await in_pool(executors_.files, [this] { return write_some(); });
        trouble_.tell(written);
        more = written.value_or(true);
        if (!written) {
            timer.expires_after(kRetry);
            co_await wait(timer);
        }
    }
    writing_ = false;
    if (written_ < last_)
        write_later();
}

/// True if there was something.
Result<bool> EventLog::write_some() {
    std::string text;
    auto last = written_;
    for (const auto& line : feed_.after(written_, kLinesInWrite)) {
        text += *line.json;
        text += '\n';
        last = line.id;
    }
    if (text.empty())
        return false;
    if (auto done = file_.append(text); !done)
        return std::unexpected(done.error());
    written_ = last;
    return true;
}

void EventLog::end() {
    for (auto& event : throttle_.take_all()) {
        event.id = ++last_;
        feed_.add(event.id, line_of(event));
    }
    for (bool more = true; more;) {
        const auto written = write_some();
        trouble_.tell(written);
        more = written.value_or(false);
    }
}

/// A backend's name may have changed since; its address is who it is.
std::string EventLog::name_of(const api::Event& event) const {
    if (event.backend.empty())
        return {};
    const auto& services = running_.config.services;
    const auto service = std::ranges::find(services, event.service, &config::Service::name);
    if (service == services.end())
        return {};
    const auto address = IpAddress::parse(event.backend);
    const auto backend = std::ranges::find_if(
        service->backends, [&](const config::Backend& each) { return address && each.address == *address; });
    return backend == service->backends.end() ? "" : backend->name;
}

}  // namespace guideway::agent
