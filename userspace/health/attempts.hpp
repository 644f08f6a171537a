// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "health/alarm.hpp"
#include "health/check.hpp"
#include "health/farewells.hpp"

namespace guideway::health {

/// Runs probes on the loop: each within its time limit, and not more at a time than descriptors allow.
/// What does not fit waits for its turn. Lives on the loop's thread; the loop outlives it.
class Attempts {
  public:
    using Task = std::function<boost::asio::awaitable<Outcome>(Attempt&)>;
    using Done = std::function<void(const Outcome&, Clock::duration took)>;

    Attempts(boost::asio::io_context& loop, std::size_t most);
    ~Attempts();
    /// Cancels every attempt and resets its connection. True if any was under way.
    bool abandon();

    /// `done` is called from the loop, unless this object is gone by then.
    void run(const Way& way, config::Duration timeout, Task task, Done done);

    [[nodiscard]] std::size_t in_flight() const { return running_.size(); }
    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

  private:
    struct Running {
        Attempt attempt;
        config::Duration timeout;
        Task task;
        Done done;
        Moment started;
        bool timed_out = false;
        bool extended = false;  ///< the loop was held up at its time limit
        boost::asio::cancellation_signal cancel;
    };

    static boost::asio::awaitable<Outcome> drive(std::shared_ptr<Running> running);
    void start(std::shared_ptr<Running> running);
    void time_out(std::uint64_t id);
    void finish(std::uint64_t id, Outcome outcome);

    boost::asio::io_context& loop_;
    std::size_t most_;
    Alarm deadlines_;
    Farewells farewells_;
    std::uint64_t last_id_ = 0;
    std::unordered_map<std::uint64_t, std::shared_ptr<Running>> running_;
    std::deque<std::shared_ptr<Running>> waiting_;
    std::shared_ptr<void> alive_ = std::make_shared<char>();
};

/// As many probes as may be under way with the descriptors that this process may have: half of them.
[[nodiscard]] std::size_t probes_at_a_time();

}  // namespace guideway::health
