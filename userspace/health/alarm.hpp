// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <queue>
#include <vector>

#include "health/outcome.hpp"

namespace guideway::health {

/// Rings for many at their times by one timer: thousands of them a second cost little. The loop outlives it.
class Alarm {
  public:
    Alarm(boost::asio::io_context& loop, std::function<void(std::uint64_t id)> ring)
        : timer_(loop), ring_(std::move(ring)) {}

    void at(Moment when, std::uint64_t id);

  private:
    struct Due {
        Moment when;
        std::uint64_t id;
        bool operator>(const Due& other) const { return when > other.when; }
    };

    void arm();
    void ring_due();

    boost::asio::steady_timer timer_;
    std::function<void(std::uint64_t)> ring_;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
    Moment armed_ = Moment::max();
    /// A timer that has expired calls back even if this object is gone by then.
    std::shared_ptr<void> alive_ = std::make_shared<char>();
};

}  // namespace guideway::health
