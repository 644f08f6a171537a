// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>

#include "bgp/exabgp_config.hpp"

namespace guideway::bgp {

/// A peer that cannot be a neighbour now, and why.
struct LeftOut {
    IpAddress peer;
    std::string reason;
};

/// The neighbours that ExaBGP shall have against those that it has, and the configurations that lead from one
/// to the other without touching those that stay the same. One that differs is taken out first and then put
/// in anew: ExaBGP 4.2 fails to change some of a neighbour's settings (fewer families) in place, and forgets
/// the routes of one that was out, so that it is known what it holds. Pure but for the question of sources.
class Roster {
  public:
    using Source = std::function<Result<IpAddress>(const IpAddress&)>;

    explicit Roster(Source source = source_towards) : source_(std::move(source)) {}

    /// Works out what it shall have: the peers that can be reached from some address. A peer in `established`
    /// keeps its end of the session whatever way the kernel would take now. Those that are left out.
    std::vector<LeftOut> refresh(const config::Bgp& bgp, const std::set<IpAddress>& established);

    [[nodiscard]] const Neighbors& wanted() const { return wanted_; }
    [[nodiscard]] const Neighbors& running() const { return running_; }
    /// ExaBGP has these.
    void set_running(Neighbors running) { running_ = std::move(running); }

    /// Neighbours that ExaBGP has and shall lose, for good or to have them anew.
    [[nodiscard]] std::set<IpAddress> going() const;
    /// The configuration to go over to now; nothing if it has what it shall have.
    [[nodiscard]] std::optional<Neighbors> next() const;

  private:
    void choose_router_id(const config::Bgp& bgp);

    Source source_;
    Neighbors wanted_;
    Neighbors running_;
    std::map<IpAddress, IpAddress> local_;  ///< this end, by peer
    IpAddress router_id_;                   ///< one that was found stays: another would end all sessions
};

}  // namespace guideway::bgp
