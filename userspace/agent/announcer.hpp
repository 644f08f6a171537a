// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/event.hpp"
#include "api/snapshot.hpp"
#include "bgp/announcement.hpp"
#include "bgp/speaker.hpp"

namespace guideway::agent {

/// Has the routers told what this balancer can serve, if the configuration has a `bgp` section.
class Announcer {
  public:
    using OnEvent = std::function<void(api::Event)>;

    /// `adopted`: what an earlier agent announces was taken over, and waits for update(). `on_event`: what
    /// became of a VIP or a session.
    Announcer(
        boost::asio::io_context& loop, const std::string& runtime_dir, std::function<void()> adopted = {},
        OnEvent on_event = [](const api::Event&) {});
    /// Ends ExaBGP.
    ~Announcer();
    Announcer(const Announcer&) = delete;
    Announcer& operator=(const Announcer&) = delete;

    /// Starts ExaBGP or takes over an earlier agent's, changes its sessions, or ends it, as the section
    /// appears, changes or goes. `withdrawn`: one that is started announces nothing until announce().
    void configure(const std::optional<config::Bgp>& bgp, bool withdrawn);
    /// Pins of links: while all of them are attached, ExaBGP may outlive this agent. Without any it does not.
    void watch(std::vector<std::string> links);

    /// Announces what can be served, and nothing else. `complete`: what cannot be served now could not be
    /// before a restart either (Speaker::want).
    void update(const config::Config& config, const bgp::BalancerFacts& balancer,
                const bgp::FactsOf& services, bool complete);

    /// Marks the routes as leaving, then withdraws them: true once the routers have been told.
    [[nodiscard]] boost::asio::awaitable<bool> withdraw();
    /// The same, for good: should this agent be killed meanwhile, ExaBGP does not outlive it.
    [[nodiscard]] boost::asio::awaitable<bool> leave();
    /// Undoes withdraw().
    void announce();

    /// Ends ExaBGP; the routes go with its sessions.
    void end();

    [[nodiscard]] bool active() const { return speaker_ != nullptr; }
    [[nodiscard]] std::optional<api::BgpSnapshot> snapshot() const;

  private:
    using Announcements = std::map<IpAddress, bgp::Announcement>;
    void log_changes(const Announcements& next) const;
    void note_change(const IpAddress& vip, const bgp::Announcement& next, bool known) const;

    boost::asio::io_context& loop_;
    std::string directory_;
    std::string relay_program_;  ///< as it was called at the start: an upgrade may replace the file
    std::function<void()> adopted_;
    OnEvent on_event_;
    std::shared_ptr<bgp::Speaker> speaker_;
    bgp::Vips servable_;  ///< what routers have, unless it is withdrawn by hand
    Announcements announcements_;
};

}  // namespace guideway::agent
