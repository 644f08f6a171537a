// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <deque>
#include <map>
#include <set>
#include <vector>

#include "bgp/command.hpp"

namespace guideway::bgp {

/// What ExaBGP may announce, as its supervisor sees commands and answers pass: enough to withdraw it all, or
/// to tell another agent. A route counts from when it is said until its withdraw is confirmed. Pure.
class HeldRoutes {
  public:
    void said(const Command& command);
    /// The next of what was said has been answered.
    void answered(bool ok);
    /// No more answers will come for what was said.
    void unanswered();

    /// How many answers are still to come.
    [[nodiscard]] std::size_t awaited() const { return awaited_.size(); }

    /// ExaBGP does not have these neighbours any more, or has them anew.
    void keep_only(const std::set<IpAddress>& peers);

    [[nodiscard]] const std::map<IpAddress, std::set<IpAddress>>& by_peer() const { return routes_; }
    /// The commands that withdraw everything.
    [[nodiscard]] std::vector<Command> withdraws() const;

  private:
    std::map<IpAddress, std::set<IpAddress>> routes_;
    std::deque<Command> awaited_;
};

}  // namespace guideway::bgp
