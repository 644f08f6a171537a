// SPDX-License-Identifier: Apache-2.0
#include "bgp/supervisor.hpp"

#include <linux/capability.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <filesystem>

#include "bgp/exabgp_process.hpp"
#include "bgp/held_routes.hpp"
#include "bgp/lease.hpp"
#include "bgp/line_server.hpp"
#include "bgp/link_guard.hpp"
#include "bgp/message.hpp"
#include "bgp/supervisor_message.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
/// The relay ends ExaBGP after five that do not come.
constexpr std::chrono::seconds kHeartbeat{2};
/// How often it looks whether it may go on without an agent.
constexpr std::chrono::milliseconds kBetweenLooks{250};
/// For ExaBGP to withdraw what it announces, before it is killed.
constexpr std::chrono::seconds kWithdrawWithin{3};
/// What is acknowledged is on the wire one turn of ExaBGP's loop later.
constexpr std::chrono::milliseconds kOnTheWire{100};
/// For the agent to read the last word.
constexpr std::chrono::milliseconds kReadWithin{200};
constexpr std::size_t kVipsInALine = 1000;

/// As its user it owns all that it touches: what is left is for ending ExaBGP, as its user or by the kernel.
void drop_capabilities() {
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    __user_cap_data_struct capabilities[2] = {};
    constexpr std::uint32_t kNeeded = 1U << CAP_SETUID | 1U << CAP_KILL;
    bool done = ::syscall(SYS_capget, &header, capabilities) == 0;
    const auto kept = capabilities[0].permitted & kNeeded;
    capabilities[0] = {.effective = kept, .permitted = kept, .inheritable = 0};
    capabilities[1] = {};
    done = done && ::syscall(SYS_capset, &header, capabilities) == 0;
    if (!done)
        spdlog::warn("drop capabilities: {}", errno_text());
}

/// One that others might write is not used, and out of the way: a former version gave it to ExaBGP's user.
Result<void> make_directory(const std::string& directory) {
    struct stat status{};
    if (::lstat(directory.c_str(), &status) == 0 && !check_directory(directory)) {
        const auto away = fmt::format("{}.not-trusted.{}", directory, ::getpid());
        if (::rename(directory.c_str(), away.c_str()) != 0)
            return fail("move {} away, which others may write: {}", directory, errno_text());
        spdlog::warn("{} could be written by others: moved to {}", directory, away);
    }
    if (::mkdir(directory.c_str(), 0755) != 0 && errno != EEXIST)
        return fail("make {}: {}", directory, errno_text());
    return check_directory(directory);
}

class Supervisor {
  public:
    Supervisor(asio::io_context& loop, const SupervisorOptions& options)
        : loop_(loop),
          options_(options),
          place_{.directory = options.directory,
                 .program = options.exabgp,
                 .relay_program = options.relay_program,
                 .user = {}},
          signals_(loop, SIGTERM) {}

    Result<void> start(int connection) {
        std::error_code unmade;  // making the directory itself tells
        std::filesystem::create_directories(std::filesystem::path(options_.directory).parent_path(), unmade);
        if (auto made = make_directory(options_.directory); !made)
            return made;
        place_.user = choose_exabgp_user(options_.directory, place_.relay_program);
        // Its files are for ExaBGP's group to read.
        if (place_.user.uid != ::geteuid() && ::setegid(place_.user.gid) != 0)
            return fail("take the group of {}: {}; grant CAP_SETGID", place_.user.name, errno_text());
        auto relay = LineServer::listen(loop_, relay_socket(options_.directory), 0660,
                                        {.connected = [this] { relay_changed(true); },
                                         .line = [this](const std::string& line) { hear(line); },
                                         .disconnected = [this] { relay_changed(false); }});
        if (!relay)
            return std::unexpected(relay.error());
        relay_ = std::move(*relay);
        auto agent = LineServer::listen(loop_, agent_socket(options_.directory), 0600,
                                        {.connected = [this] { agent_came(); },
                                         .line = [this](const std::string& line) { obey(line); },
                                         .disconnected = [this] { agent_left(); }});
        if (!agent)
            return std::unexpected(agent.error());
        agent_ = std::move(*agent);
        for (auto task : {&Supervisor::beat, &Supervisor::watch, &Supervisor::heed_signals})
            asio::co_spawn(loop_, (this->*task)(), asio::detached);
        agent_->take(LineSocket::Unix::socket(loop_, LineSocket::Unix(), connection));
        return {};
    }

  private:
    // --- the agent ------------------------------------------------------------------------------

    void tell(const FromSupervisor& message) { agent_->send(to_line(message)); }

    void agent_came() {
        const auto now = steady_clock::now();
        const auto alone = lease_.alone(now);
        lease_.connected(now);
        alone_told_ = false;
        stale_ = held_.awaited();
        for (const auto& [peer, vips] : held_.by_peer()) {
            Held held{peer, {}};
            for (const auto& vip : vips) {
                held.vips.push_back(vip);
                if (held.vips.size() == kVipsInALine)
                    tell(std::exchange(held, {peer, {}}));
            }
            if (!held.vips.empty())
                tell(held);
        }
        tell(Hello{.program = options_.exabgp,
                   .started = exabgp_ != nullptr,
                   .process = exabgp_ ? process() : Process{},
                   .neighbors = running_,
                   .alone = exabgp_ ? alone : std::chrono::milliseconds(0)});
        tell_hearing();
    }

    void agent_left() {
        lease_.disconnected(steady_clock::now());
        stale_ = held_.awaited();
        look();
    }

    void obey(const std::string& line) {
        if (leaving_)
            return;
        const auto message = read_from_agent(line);
        if (!message)
            return spdlog::error("{}", message.error().message);
        if (const auto* beat = std::get_if<Beat>(&*message)) {
            lease_.beat(beat->complete, steady_clock::now());
            alone_told_ = false;
        } else if (const auto* terms = std::get_if<Terms>(&*message)) {
            set_terms(*terms);
        } else if (const auto* configure = std::get_if<Configure>(&*message)) {
            this->configure(configure->neighbors);
        } else if (const auto* command = std::get_if<Command>(&*message)) {
            say(*command);
        }
    }

    /// Where it cannot tell whether the datapath stays attached, it holds nothing.
    void set_terms(const Terms& terms) {
        links_ = terms.links;
        const auto watched = check_links(links_);
        if (!watched && terms.hold.count() > 0)
            spdlog::warn("{}; the routes will not outlive this agent", watched.error().message);
        hold_ = watched ? terms.hold : std::chrono::milliseconds(0);
        lease_.set_hold(hold_);
    }

    void configure(const Neighbors& neighbors) {
        written_ = neighbors;
        if (!exabgp_ && !std::exchange(starting_, true)) {
            asio::co_spawn(loop_, run_exabgp(), asio::detached);
            return;
        }
        const auto done = write_exabgp_config(place_, written_);
        tell(Configured{done ? "" : done.error().message});
    }

    void say(const Command& command) {
        if (!relay_->connected())
            return;
        held_.said(command);
        if (command.kind == Command::Kind::kReload) {
            running_ = written_;
            std::set<IpAddress> peers;
            for (const auto& [peer, section] : running_)
                peers.insert(peer);
            held_.keep_only(peers);
        }
        relay_->send(command.text);
    }

    [[nodiscard]] Process process() const { return {exabgp_->pid(), place_.user.uid}; }

    // --- ExaBGP -----------------------------------------------------------------------------------

    asio::awaitable<void> run_exabgp() {
        if (!options_.version_known) {
            if (const auto wrong = co_await check_exabgp_version(loop_, place_); !wrong.empty()) {
                end(wrong);
                co_return;
            }
        }
        running_ = written_;
        auto written = write_exabgp_config(place_, running_);
        auto child = written ? spawn_exabgp(loop_, place_)
                             : Result<std::unique_ptr<Child>>(std::unexpected(written.error()));
        if (!child) {
            end(child.error().message);
            co_return;
        }
        exabgp_ = std::move(*child);
        drop_capabilities();
        tell(Started{process()});
        end(co_await run_to_end(*exabgp_));
    }

    void relay_changed(bool) {
        held_.unanswered();
        stale_ = 0;
        tell_hearing();
    }

    void tell_hearing() { tell(Hearing{relay_->connected() && stale_ == 0}); }

    /// Answers to what an earlier agent said are none to what this one does.
    void hear(const std::string& line) {
        const bool answer = line == "done" || line == "error";
        if (answer)
            held_.answered(line == "done");
        if (stale_ == 0 || line.starts_with('{'))
            tell(Heard{line});
        else if (answer && --stale_ == 0)
            tell_hearing();
    }

    // --- without an agent -----------------------------------------------------------------------

    asio::awaitable<void> beat() {
        asio::steady_timer timer(loop_);
        for (;;) {
            relay_->send("");
            timer.expires_after(kHeartbeat);
            co_await timer.async_wait(kAnyOutcome);
        }
    }

    asio::awaitable<void> watch() {
        asio::steady_timer timer(loop_);
        for (;;) {
            timer.expires_after(kBetweenLooks);
            co_await timer.async_wait(kAnyOutcome);
            mind_sockets();
            look();
        }
    }

    /// Somebody may take them away; and another supervisor must not run beside this one.
    void mind_sockets() {
        for (const auto& server : {relay_, agent_}) {
            const auto place = server->place();
            if (place == LineServer::Place::kAnother) {
                spdlog::error("another exabgp is run in {}: this one ends", options_.directory);
                return loop_.stop();
            }
            if (place == LineServer::Place::kNothing && make_directory(options_.directory) &&
                server->listen_again())
                spdlog::warn("{}: sockets were taken away, and are there again", options_.directory);
        }
    }

    /// Whether it may go on.
    void look() {
        const auto now = steady_clock::now();
        if (leaving_ || lease_.has_agent(now))
            return;
        if (now >= lease_.ends())
            return leave(fmt::format("no agent for {} s", lease_.alone(now).count() / 1000));
        if (const auto attached = check_links(links_); !attached)
            return leave(attached.error().message);
        if (!std::exchange(alone_told_, true))
            spdlog::warn("exabgp hears nothing of its agent; the routes stay for {} s, for another one",
                         std::chrono::duration_cast<std::chrono::seconds>(lease_.ends() - now).count());
    }

    /// With an agent it is for that one to leave in order.
    asio::awaitable<void> heed_signals() {
        for (;;) {
            const auto [error, signal] = co_await signals_.async_wait(kAnyOutcome);
            if (!error && !leaving_ && !lease_.has_agent(steady_clock::now()))
                leave("SIGTERM");
        }
    }

    /// Withdraws everything, and ends. Without a hold the end of the sessions does: a router may be meant to
    /// keep the routes (graceful restart).
    void leave(const std::string& reason) {
        leaving_ = true;
        if (!exabgp_ || hold_.count() == 0)
            return loop_.stop();
        spdlog::warn("{}: the routes are withdrawn, and exabgp is ended", reason);
        asio::co_spawn(loop_, withdraw_all(), asio::detached);
    }

    asio::awaitable<void> withdraw_all() {
        const auto deadline = steady_clock::now() + kWithdrawWithin;
        for (const auto& command : held_.withdraws())
            say(command);
        asio::steady_timer timer(loop_);
        do {
            timer.expires_after(kOnTheWire);
            co_await timer.async_wait(kAnyOutcome);
        } while (held_.awaited() > 0 && steady_clock::now() < deadline);
        loop_.stop();
    }

    void end(const std::string& reason) {
        if (!lease_.has_agent(steady_clock::now()))
            spdlog::error("{}", reason);
        tell(Ended{reason});
        asio::co_spawn(loop_, stop_soon(), asio::detached);
    }

    asio::awaitable<void> stop_soon() {
        asio::steady_timer timer(loop_, kReadWithin);
        co_await timer.async_wait(kAnyOutcome);
        loop_.stop();
    }

    asio::io_context& loop_;
    SupervisorOptions options_;
    ExabgpPlace place_;
    asio::signal_set signals_;
    std::shared_ptr<LineServer> relay_;
    std::shared_ptr<LineServer> agent_;
    std::unique_ptr<Child> exabgp_;
    Neighbors written_;  ///< in the configuration file
    Neighbors running_;  ///< in ExaBGP
    bool starting_ = false;
    HeldRoutes held_;
    std::size_t stale_ = 0;  ///< answers that are due to an earlier agent
    Lease lease_;
    std::chrono::milliseconds hold_{0};
    std::vector<std::string> links_;
    bool alone_told_ = false;
    bool leaving_ = false;
};
}  // namespace

std::string agent_socket(const std::string& directory) {
    return directory + "/agent.sock";
}

Result<void> check_directory(const std::string& directory) {
    struct stat status{};
    if (::lstat(directory.c_str(), &status) != 0)
        return fail("look at {}: {}", directory, errno_text());
    if (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid() || (status.st_mode & 0022) != 0)
        return fail("use {}: it is not a directory of this user that nobody else may write", directory);
    return {};
}

Result<void> run_supervisor(const SupervisorOptions& options) {
    ::prctl(PR_SET_NAME, "guideway-bgp");
    for (const int signal : {SIGPIPE, SIGINT, SIGHUP})
        std::signal(signal, SIG_IGN);
    sigset_t none;
    ::sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    ::umask(0022);
    asio::io_context loop(1);
    Supervisor supervisor(loop, options);
    if (auto started = supervisor.start(kPassedDescriptor); !started) {
        const auto last = to_line(Ended{started.error().message}) + "\n";
        static_cast<void>(!::write(kPassedDescriptor, last.data(), last.size()));
        return started;
    }
    loop.run();
    return {};
}

}  // namespace guideway::bgp
