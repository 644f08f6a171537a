// SPDX-License-Identifier: Apache-2.0
#include "health/attempts.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/co_spawn.hpp>
#include <exception>

#include "health/probe_socket.hpp"

namespace guideway::health {

namespace asio = boost::asio;

namespace {
/// A time limit that is noticed so much too late says more of this host than of the backend.
constexpr std::chrono::milliseconds kHeldUp{20};
}  // namespace

Attempts::Attempts(asio::io_context& loop, std::size_t most)
    : loop_(loop),
      most_(most),
      deadlines_(loop, [this](std::uint64_t id) { time_out(id); }),
      farewells_(loop, most / 2, port_limits()) {}

Attempts::~Attempts() {
    abandon();
}

bool Attempts::abandon() {
    const bool any = !running_.empty() || farewells_.under_way() > 0;
    for (const auto& [id, running] : running_) {
        running->attempt.farewells = nullptr;
        if (running->attempt.socket >= 0)
            reset_connection(running->attempt.socket);
        running->cancel.emit(asio::cancellation_type::terminal);
    }
    farewells_.abandon();
    return any;
}

void Attempts::run(const Way& way, config::Duration timeout, Task task, Done done) {
    auto running = std::make_shared<Running>();
    running->attempt.way = way;
    running->attempt.farewells = &farewells_;
    running->timeout = timeout;
    running->task = std::move(task);
    running->done = std::move(done);
    if (running_.size() < most_)
        start(std::move(running));
    else
        waiting_.push_back(std::move(running));
}

asio::awaitable<Outcome> Attempts::drive(std::shared_ptr<Running> running) {
    try {
        co_return co_await running->task(running->attempt);
    } catch (const boost::system::system_error& error) {
        co_return outcome_of(error.code(), "probe");
    } catch (const std::exception& error) {
        co_return Outcome::not_tried(fmt::format("probe: {}", error.what()));
    }
}

void Attempts::start(std::shared_ptr<Running> running) {
    const auto id = ++last_id_;
    running->started = Clock::now();
    deadlines_.at(running->started + running->timeout, id);
    const auto slot = running->cancel.slot();
    const auto on_end = [this, id, alive = std::weak_ptr(alive_)](const std::exception_ptr& error,
                                                                  Outcome outcome) {
        if (!alive.expired())
            finish(id, error ? Outcome::not_tried("probe: cancelled") : std::move(outcome));
    };
    running_.emplace(id, running);
    asio::co_spawn(loop_, drive(std::move(running)), asio::bind_cancellation_slot(slot, on_end));
}

void Attempts::time_out(std::uint64_t id) {
    const auto found = running_.find(id);
    if (found == running_.end())
        return;
    Running& running = *found->second;
    // The answer may be waiting to be read: give it another chance.
    if (const Moment now = Clock::now();
        !running.extended && now - running.started > running.timeout + kHeldUp) {
        running.extended = true;
        deadlines_.at(now + running.timeout / 2, id);
        return;
    }
    running.timed_out = true;
    running.cancel.emit(asio::cancellation_type::terminal);
}

void Attempts::finish(std::uint64_t id, Outcome outcome) {
    const auto node = running_.extract(id);
    const auto& running = node.mapped();
    const auto& attempt = running->attempt;
    if (running->timed_out && !outcome.is_good())
        outcome = {Verdict::kBad, attempt.reacted,
                   fmt::format("no {} within {}ms", attempt.awaited, running->timeout.count())};
    const auto took = Clock::now() - running->started;
    while (running_.size() < most_ && !waiting_.empty()) {
        auto next = std::move(waiting_.front());
        waiting_.pop_front();
        start(std::move(next));
    }
    running->done(outcome, took);
}

std::size_t probes_at_a_time() {
    constexpr rlim_t kLeast = 16;
    constexpr rlim_t kMost = 4096;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return kLeast;
    return std::clamp(limit.rlim_cur / 2, kLeast, kMost);
}

}  // namespace guideway::health
