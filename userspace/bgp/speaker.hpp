// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "bgp/ledger.hpp"
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
    std::string relay_program;  ///< this executable, which knows `relay`
    std::string exabgp = "exabgp";
    Presence presence = Presence::kPresent;  ///< to begin with: kPresent or kGone
};

struct SpeakerStatus {
    Presence presence = Presence::kPresent;
    bool running = false;    ///< ExaBGP answers
    unsigned restarts = 0;   ///< of ExaBGP
    std::string last_error;  ///< why it ended or did not start; empty: it never did
    std::vector<PeerStatus> peers;
};

/// Keeps the routers told: what is wanted is announced, and nothing else, through whatever happens to ExaBGP,
/// its relay, the sessions and the routers.
class Speaker : public std::enable_shared_from_this<Speaker> {
  public:
    [[nodiscard]] static Result<std::shared_ptr<Speaker>> start(boost::asio::io_context& loop,
                                                                SpeakerOptions options);

    /// All routes that shall be announced. They are complete once warm-up is over (Ledger::want).
    void want(Routes routes, bool complete);

    /// Marks the routes with GRACEFUL_SHUTDOWN for the configured time, then withdraws them. True once the
    /// routers have been told; false if stay() came between, or another leave(), which goes on. May be
    /// awaited anew at any time.
    [[nodiscard]] boost::asio::awaitable<bool> leave();
    /// Undoes leave().
    void stay();

    /// Other peers or sessions: ExaBGP is started anew if they differ.
    [[nodiscard]] Result<void> reconfigure(config::Bgp bgp);

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

    [[nodiscard]] Result<void> start_sidecar();
    [[nodiscard]] boost::asio::awaitable<void> converse();
    [[nodiscard]] boost::asio::awaitable<void> settle();
    [[nodiscard]] Time step(Time now);
    void say(Command command, Time now);
    void hear(const std::string& line);
    void answered(bool ok);
    void relay_lost();
    void sidecar_ended(const std::string& reason);
    void update_wanted();
    void wake();

    boost::asio::io_context& loop_;
    SpeakerOptions options_;
    std::shared_ptr<Sidecar> sidecar_;
    Ledger ledger_;
    Routes wanted_;
    bool complete_ = false;
    Presence presence_ = Presence::kPresent;
    unsigned turns_ = 0;  ///< of leave() and stay()

    boost::asio::steady_timer wake_;
    boost::asio::steady_timer patience_;
    std::optional<Command> under_way_;
    Time answer_due_;
    Time summary_due_;
    std::set<IpAddress> established_;
    bool known_ = false;  ///< what ExaBGP's sessions are
    std::string last_error_;
    bool ended_ = false;
};

}  // namespace guideway::bgp
