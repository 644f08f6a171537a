// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <set>

#include "bgp/command.hpp"
#include "bgp/message.hpp"

namespace guideway::bgp {

using Time = std::chrono::steady_clock::time_point;

struct PeerStatus {
    IpAddress address;
    std::uint32_t as = 0;
    Session session = Session::kIdle;
    Time since;                 ///< when it came up, or ceased to be
    std::size_t wanted = 0;     ///< routes
    std::size_t announced = 0;  ///< routes that ExaBGP has taken; 0 without a session
    std::string last_error;     ///< what is wrong now; empty: nothing that is known
};

/// What should be announced against what is, a peer each, and the next command that brings them together.
/// Pure: no I/O, no clock of its own.
///
/// A route that goes is withdrawn at once. An announcement waits until its session is up, since ExaBGP orders
/// what it queues without one as it likes; and half a second after the route's last change, since ExaBGP
/// sends by attributes, not by time, what it was told within one turn of its loop.
class AdjRibOut {
  public:
    explicit AdjRibOut(const config::Bgp& bgp, Time now);

    /// Other peers. What is known of those that stay stays known; those that go are withdrawn from until
    /// dropped().
    void configure(const config::Bgp& bgp, Time now);
    /// Nothing is announced to these, until they are dropped() or others are held back.
    void hold_back(std::set<IpAddress> peers);
    /// ExaBGP does not have these neighbours any more, or has them anew: no session, no route.
    void dropped(const std::set<IpAddress>& peers, Time now);

    /// A running ExaBGP was taken over, which may announce these already.
    void adopt(const IpAddress& peer, const std::vector<IpAddress>& vips, Time now);
    /// VIPs that some router may have.
    [[nodiscard]] std::set<IpAddress> held() const;

    /// The routes that every peer shall have, as far as they are of its families. Until they are complete
    /// once, no End-of-RIB is sent, so that a router that restarts gracefully keeps what it has.
    void want(Routes wanted, bool complete, Time now);

    /// A new ExaBGP: no session, no route.
    void restarted(const std::string& reason, Time now);
    void observe(const SessionEvent& event, Time now);
    /// Those whose sessions are up; all others' are not.
    void observe_established(const std::set<IpAddress>& peers, Time now);
    [[nodiscard]] std::set<IpAddress> established() const;
    /// Why there will be no session.
    void note_error(const IpAddress& peer, const std::string& error, Time now);

    /// What to say now; nothing while there is nothing to do. One command at a time.
    [[nodiscard]] std::optional<Command> next(Time now);
    /// When next() has something although nothing happens meanwhile; the far future if never.
    [[nodiscard]] Time due() const { return due_; }
    void finished(const Command& command, bool ok, Time now);
    /// Whether it was heard is not known: it will be said again.
    void unanswered(const Command& command, Time now);

    /// Whether every peer has what it shall have, as far as its session allows, and nothing else.
    [[nodiscard]] bool settled() const;

    [[nodiscard]] std::vector<PeerStatus> status(Time now) const;

  private:
    struct Held {
        Attributes attributes;
        bool announced = false;  ///< false: withdrawn, and remembered for the time of it
        bool certain = true;     ///< false: perhaps announced, perhaps so
        Time changed;
    };
    struct Neighbour {
        config::Peer config;
        std::vector<config::Family> families;
        Session session = Session::kIdle;
        Time since;
        Time observed;             ///< when something was heard of its session last
        std::string error;         ///< of its last session or attempt, or why there is none
        bool no_attempt = false;   ///< the error is why there is none
        std::string notification;  ///< the last that the router sent, or was sent
        Time notification_at;
        bool going = false;  ///< it is no peer any more
        std::map<IpAddress, Held> held;
        std::vector<config::Family> ends_of_rib;  ///< still to be sent
    };

    [[nodiscard]] const Attributes* wanted_by(const Neighbour& neighbour, const IpAddress& vip) const;
    [[nodiscard]] bool must_withdraw(const Neighbour& neighbour, const IpAddress& vip) const;
    [[nodiscard]] bool must_announce(const Neighbour& neighbour, const IpAddress& vip) const;
    [[nodiscard]] std::optional<Command> next_withdraw() const;
    [[nodiscard]] std::optional<Command> next_announcement(Time now);
    [[nodiscard]] std::optional<Command> next_end_of_rib() const;
    void come_up(Neighbour& neighbour, Time now);
    void go_down(Neighbour& neighbour, Session session, const std::string& reason, Time now);
    static void set_error(Neighbour& neighbour, const std::string& error, Time now);
    [[nodiscard]] static std::string present_trouble(const Neighbour& neighbour, Time now);
    void open_all();
    void forget_settled();
    [[nodiscard]] Neighbour* find(const IpAddress& peer);

    std::vector<Neighbour> neighbours_;
    std::set<IpAddress> held_back_;
    Routes wanted_;
    bool complete_ = false;
    std::set<IpAddress> open_;            ///< VIPs that may need a command
    std::map<IpAddress, Time> retry_at_;  ///< VIPs whose announcement was refused
    Time due_ = Time::max();
};

}  // namespace guideway::bgp
