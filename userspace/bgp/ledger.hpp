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
    std::string last_error;     ///< empty: none yet
};

/// What should be announced against what is, a peer each, and the next command that brings them together.
/// Pure: no I/O, no clock of its own.
///
/// A route that goes is withdrawn at once. An announcement waits until its session is up, since ExaBGP orders
/// what it queues without one as it likes; and half a second after the route's last change, since ExaBGP
/// sends by attributes, not by time, what it was told within one turn of its loop.
class Ledger {
  public:
    explicit Ledger(const config::Bgp& bgp, Time now);

    /// The routes that every peer shall have, as far as they are of its families. Until they are complete
    /// once, no End-of-RIB is sent, so that a router that restarts gracefully keeps what it has.
    void want(Routes wanted, bool complete, Time now);

    /// A new ExaBGP: no session, no route.
    void restarted(const std::string& reason, Time now);
    void observe(const SessionEvent& event, Time now);
    /// Those whose sessions are up; all others' are not.
    void observe_established(const std::set<IpAddress>& peers, Time now);
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
        std::string last_error;
        Time last_error_at;
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
    void set_error(Neighbour& neighbour, const std::string& error, Time now);
    void forget_settled();
    [[nodiscard]] Neighbour* find(const IpAddress& peer);

    std::vector<Neighbour> neighbours_;
    Routes wanted_;
    bool complete_ = false;
    std::set<IpAddress> open_;            ///< VIPs that may need a command
    std::map<IpAddress, Time> retry_at_;  ///< VIPs whose announcement was refused
    Time due_ = Time::max();
};

}  // namespace guideway::bgp
