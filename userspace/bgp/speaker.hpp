// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <string>

#include "bgp/adj_rib_out.hpp"
#include "bgp/roster.hpp"
#include "bgp/sidecar.hpp"

namespace guideway::bgp {

/// What becomes of the wanted routes.
enum class Presence {
    kPresent,  ///< announced
    kLeaving,  ///< announced with GRACEFUL_SHUTDOWN
    kGone,     ///< withdrawn
};

struct SpeakerOptions {
    config::Bgp bgp;
    std::string directory;      ///< for ExaBGP's files: RUNTIME_DIR/bgp
    std::string relay_program;  ///< this executable, which knows `relay`, as it was called at the start
    std::string exabgp = "exabgp";
    Presence presence = Presence::kPresent;  ///< to begin with: kPresent or kGone
    /// An ExaBGP of an earlier agent was taken over, with routes that are held(). Nothing is said to it
    /// before the next want().
    std::function<void()> adopted = {};
    /// A session was established or ended; why it ended.
    std::function<void(const IpAddress& peer, bool established, const std::string& reason)> on_session = {};
};

struct SpeakerStatus {
    Presence presence = Presence::kPresent;
    bool running = false;          ///< ExaBGP answers
    unsigned restarts = 0;         ///< of ExaBGP
    std::string last_error;        ///< why it ended or did not start; empty: it never did
    bool heard_by_router = false;  ///< a session has been up
    unsigned failures = 0;         ///< starts of ExaBGP in a row after which it never answered
    std::vector<PeerStatus> peers;
};

/// Why nobody can be told what is served; empty if somebody was since the start and ExaBGP can be run. What
/// routers do to sessions later is theirs.
[[nodiscard]] std::string why_unheard(const SpeakerStatus& status);

/// Keeps the routers told: what is wanted is announced, and nothing else, through whatever happens to ExaBGP,
/// its relay, the sessions and the routers.
class Speaker : public std::enable_shared_from_this<Speaker> {
  public:
    [[nodiscard]] static std::shared_ptr<Speaker> start(boost::asio::io_context& loop,
                                                        SpeakerOptions options);

    /// All routes that shall be announced. They are complete once warm-up is over (AdjRibOut::want).
    void want(Routes routes, bool complete);

    /// Marks the routes with GRACEFUL_SHUTDOWN for the configured time, then withdraws them. True once the
    /// routers have been told; false if stay() came between, or another leave(), which goes on. May be
    /// awaited anew at any time.
    [[nodiscard]] boost::asio::awaitable<bool> leave();
    /// Undoes leave().
    void stay();
    /// From now on ExaBGP does not outlive this agent.
    void hold_nothing();

    /// Other peers or sessions. Those that stay the same notice nothing.
    void reconfigure(config::Bgp bgp);
    /// Pins of links: while all of them are attached, ExaBGP may outlive this agent. Without any it does not.
    void watch(std::vector<std::string> links);

    /// VIPs that some router may have.
    [[nodiscard]] std::set<IpAddress> held() const { return adj_rib_out_.held(); }

    /// Whether a session that is up has routes.
    [[nodiscard]] bool announces() const;
    [[nodiscard]] SpeakerStatus status() const;
    /// Whether every session that is up has what it shall have.
    [[nodiscard]] bool settled() const;

    /// Ends ExaBGP at once; routes go with their sessions, unless a router restarts gracefully. Must be
    /// called before the last reference goes.
    void end();

  private:
    Speaker(boost::asio::io_context& loop, SpeakerOptions options);

    void start_sidecar();
    void end_sidecar();
    [[nodiscard]] boost::asio::awaitable<void> converse();
    [[nodiscard]] boost::asio::awaitable<void> look_for_ways();
    [[nodiscard]] boost::asio::awaitable<void> settle();
    [[nodiscard]] Time step(Time now);
    [[nodiscard]] std::optional<Command> next_command(Time now);
    [[nodiscard]] bool go_over(Time now);
    void refresh_roster();
    void send_terms();
    void say(Command command, Time now);
    void hear(const std::string& line);
    void note_session(const SessionEvent& event);
    void answered(bool ok);
    void check_neighbors(Time now);
    void came(const Hello& hello, const std::vector<Held>& held);
    void hearing_changed(bool hears);
    void written(const std::string& error);
    void sidecar_ended(const std::string& reason);
    void update_wanted();
    void wake();

    boost::asio::io_context& loop_;
    SpeakerOptions options_;
    std::shared_ptr<Sidecar> sidecar_;
    AdjRibOut adj_rib_out_;
    Roster roster_;
    std::vector<std::string> links_;
    bool holds_ = true;
    Routes wanted_;
    bool complete_ = false;
    Presence presence_ = Presence::kPresent;
    unsigned turns_ = 0;  ///< of leave() and stay()

    boost::asio::steady_timer wake_;
    boost::asio::steady_timer patience_;
    boost::asio::steady_timer ways_;
    std::optional<Command> under_way_;
    std::optional<Neighbors> changing_;  ///< what ExaBGP goes over to, until it is seen to have
    bool writing_ = false;               ///< its file is being written
    Time change_due_;                    ///< not before, after one that failed
    Time answer_due_;
    Time summary_due_;
    std::set<IpAddress> established_;  ///< as the summary under way lists them
    std::set<IpAddress> configured_;   ///< the neighbours that ExaBGP lists
    bool checked_ = false;             ///< ExaBGP has the neighbours that it should
    bool known_ = false;               ///< what ExaBGP's sessions are
    bool adopting_ = false;            ///< what is wanted of an ExaBGP that was taken over is not known yet
    bool had_sidecar_ = false;
    bool heard_by_router_ = false;
    std::string last_error_;
    bool ended_ = false;
};

}  // namespace guideway::bgp
