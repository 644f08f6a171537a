// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <string>

#include "agent/event_file.hpp"
#include "agent/event_throttle.hpp"
#include "agent/executors.hpp"
#include "agent/former_states.hpp"
#include "agent/running_config.hpp"
#include "api/event.hpp"
#include "api/event_feed.hpp"
#include "util/complaint.hpp"

namespace guideway::agent {

/// Takes down what happens: gives each event its id, its time and how long the state before it lasted, shows
/// it to those who read, and has it written beside the loop. What cannot be written is tried again while it
/// is kept; nobody waits for it.
class EventLog {
  public:
    /// Reads what earlier agents wrote in the directory; what is broken there is told once.
    EventLog(Executors& executors, const RunningConfig& running, boost::asio::io_context& talking,
             std::string directory);

    /// On the loop.
    void note(api::Event event);

    /// When the loop runs no more: writes what is not written yet.
    void end();

    [[nodiscard]] api::EventFeed& feed() { return feed_; }

  private:
    void tell(api::Event event);
    void tell_others_later();
    void write_later();
    [[nodiscard]] boost::asio::awaitable<void> write_out();
    [[nodiscard]] Result<bool> write_some();
    [[nodiscard]] std::string name_of(const api::Event& event) const;

    Executors& executors_;
    const RunningConfig& running_;
    api::EventFeed feed_;
    EventFile file_;
    FormerStates former_{api::EventFeed::kKept};
    EventThrottle throttle_;
    boost::asio::steady_timer others_timer_;
    bool others_are_due_ = false;
    bool writing_ = false;
    std::uint64_t last_ = 0;     ///< the last id that was given
    std::uint64_t written_ = 0;  ///< the last one in the file; while writing_, the pool's
    Complaint trouble_;
};

}  // namespace guideway::agent
