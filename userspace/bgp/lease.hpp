// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

namespace guideway::bgp {

/// For how long ExaBGP may go on announcing what the last agent said, after that agent was lost. Pure: time
/// is given.
///
/// An agent is there while it is connected and its loop turns (it beats). Without one, ExaBGP ends `hold`
/// after an agent was last there that knew all that it announces: one that always dies before it does extends
/// nothing. While an agent is there, whatever it knows, ExaBGP goes on.
class Lease {
  public:
    using Time = std::chrono::steady_clock::time_point;

    /// 0: ExaBGP ends with its agent.
    void set_hold(std::chrono::milliseconds hold) { hold_ = hold; }

    void connected(Time now);
    void beat(bool complete, Time now);
    void disconnected(Time now);

    [[nodiscard]] bool has_agent(Time now) const;
    /// When ExaBGP ends unless something happens before;
    [[nodiscard]] Time ends() const;
    /// For how long there has been no agent.
    [[nodiscard]] std::chrono::milliseconds alone(Time now) const;

  private:
    [[nodiscard]] Time lost() const;

    std::chrono::milliseconds hold_{0};
    bool connected_ = false;
    Time heard_;                   ///< the last beat; of one that is not connected: when it was lost
    bool knows_ = false;           ///< the agent that beat last knows all
    Time complete_ = Time::min();  ///< when such a one was last there
};

}  // namespace guideway::bgp
