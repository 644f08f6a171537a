// SPDX-License-Identifier: Apache-2.0
#include "bgp/speaker.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>

namespace guideway::bgp {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
/// ExaBGP answers in milliseconds; one that does not in this time is stopped or hangs.
constexpr std::chrono::seconds kAnswerWithin{5};
constexpr std::chrono::seconds kBetweenSummaries{2};
/// A relay is there a fraction of a second after ExaBGP has started.
constexpr std::chrono::seconds kConnectWithin{15};
/// For the routers to be told: longer than ExaBGP takes for anything.
constexpr std::chrono::seconds kSettleWithin{10};
/// What is acknowledged is on the wire one turn of ExaBGP's loop later.
constexpr std::chrono::milliseconds kOnTheWire{100};

/// A peer without a way at the start gets one, when the network is up.
constexpr std::chrono::seconds kBetweenLooksForWays{2};
constexpr std::chrono::seconds kRetryChange{10};
/// So many failures are no accident.
constexpr unsigned kCannotStart = 3;

std::set<IpAddress> addresses_of(const Neighbors& neighbors) {
    std::set<IpAddress> addresses;
    for (const auto& [peer, section] : neighbors)
        addresses.insert(peer);
    return addresses;
}
}  // namespace

std::string why_unheard(const SpeakerStatus& status) {
    if (status.peers.empty())
        return {};
    if (status.failures >= kCannotStart)
        return fmt::format("nothing is announced, since ExaBGP cannot be run: {}", status.last_error);
    if (status.heard_by_router)
        return {};
    const auto& trouble = status.peers.front().last_error;
    return fmt::format("no BGP session has come up yet{}{}", trouble.empty() ? "" : ": ", trouble);
}

std::shared_ptr<Speaker> Speaker::start(asio::io_context& loop, SpeakerOptions options) {
    std::shared_ptr<Speaker> speaker(new Speaker(loop, std::move(options)));
    speaker->start_sidecar();
    for (auto task : {&Speaker::converse, &Speaker::look_for_ways})
        asio::co_spawn(loop, (speaker.get()->*task)(), [speaker](const std::exception_ptr& failure) {
            if (failure)
                std::rethrow_exception(failure);
        });
    return speaker;
}

Speaker::Speaker(asio::io_context& loop, SpeakerOptions options)
    : loop_(loop),
      options_(std::move(options)),
      ledger_(options_.bgp, steady_clock::now()),
      presence_(options_.presence),
      wake_(loop),
      patience_(loop),
      ways_(loop) {}

void Speaker::start_sidecar() {
    if (options_.bgp.peers.empty())
        return Sidecar::end_leftover(loop_, options_.directory);
    sidecar_ = Sidecar::start(
        loop_,
        {.directory = options_.directory,
         .exabgp = options_.exabgp,
         .relay_program = options_.relay_program,
         .may_adopt = !std::exchange(had_sidecar_, true),
         .events = {.came = [this](const Hello& hello, const std::vector<Held>& held) { came(hello, held); },
                    .hearing = [this](bool hears) { hearing_changed(hears); },
                    .line = [this](const std::string& line) { hear(line); },
                    .configured = [this](const std::string& error) { written(error); },
                    .ended = [this](const std::string& reason) { sidecar_ended(reason); }}});
    send_terms();
}

void Speaker::end_sidecar() {
    if (sidecar_)
        sidecar_->end();
    sidecar_ = nullptr;
    roster_.set_running({});
    under_way_.reset();
    changing_.reset();
    writing_ = checked_ = known_ = adopting_ = false;
}

void Speaker::send_terms() {
    const bool holds = holds_ && !links_.empty();
    const auto hold = holds ? options_.bgp.hold_after_kill : config::Duration(0);
    if (sidecar_)
        sidecar_->set_terms({.hold = hold, .links = links_});
}

void Speaker::end() {
    ended_ = true;
    end_sidecar();
    ++turns_;
    patience_.cancel();
    ways_.cancel();
    wake();
}

void Speaker::wake() {
    wake_.cancel();
}

void Speaker::want(Routes routes, bool complete) {
    wanted_ = std::move(routes);
    complete_ = complete;
    adopting_ = false;
    update_wanted();
    if (sidecar_)
        sidecar_->set_complete(complete_);
}

void Speaker::update_wanted() {
    Routes routes = presence_ == Presence::kGone ? Routes{} : wanted_;
    if (presence_ == Presence::kLeaving)
        for (auto& [vip, attributes] : routes)
            attributes = with_community(attributes, kGracefulShutdown);
    ledger_.want(std::move(routes), complete_, steady_clock::now());
    wake();
}

bool Speaker::settled() const {
    return !under_way_ && ledger_.settled();
}

asio::awaitable<void> Speaker::settle() {
    const auto self = shared_from_this();
    const auto turn = turns_;
    const auto deadline = steady_clock::now() + kSettleWithin;
    do {
        patience_.expires_after(kOnTheWire);
        co_await patience_.async_wait(kAnyOutcome);
    } while (turn == turns_ && !settled() && steady_clock::now() < deadline);
}

asio::awaitable<bool> Speaker::leave() {
    const auto self = shared_from_this();
    const auto turn = ++turns_;
    patience_.cancel();
    if (presence_ == Presence::kPresent && options_.bgp.graceful_shutdown.count() > 0 && announces()) {
        presence_ = Presence::kLeaving;
        update_wanted();
        co_await settle();
        if (turn != turns_)
            co_return false;
        patience_.expires_after(options_.bgp.graceful_shutdown);
        co_await patience_.async_wait(kAnyOutcome);
        if (turn != turns_)
            co_return false;
    }
    presence_ = Presence::kGone;
    update_wanted();
    co_await settle();
    co_return turn == turns_;
}

void Speaker::stay() {
    ++turns_;
    patience_.cancel();
    presence_ = Presence::kPresent;
    update_wanted();
}

void Speaker::hold_nothing() {
    holds_ = false;
    send_terms();
}

void Speaker::watch(std::vector<std::string> links) {
    if (links == std::exchange(links_, links))
        return;
    send_terms();
}

void Speaker::reconfigure(config::Bgp bgp) {
    const auto now = steady_clock::now();
    options_.bgp = std::move(bgp);
    ledger_.configure(options_.bgp, now);
    change_due_ = now;
    if (options_.bgp.peers.empty()) {
        end_sidecar();
        ledger_.restarted("", now);
    } else if (!sidecar_) {
        start_sidecar();
    }
    refresh_roster();
    send_terms();
    wake();
}

bool Speaker::announces() const {
    return std::ranges::any_of(ledger_.status(steady_clock::now()),
                               [](const PeerStatus& peer) { return peer.announced > 0; });
}

SpeakerStatus Speaker::status() const {
    return {.presence = presence_,
            .running = sidecar_ && sidecar_->hearing() && known_,
            .restarts = sidecar_ ? sidecar_->restarts() : 0,
            .last_error = last_error_,
            .heard_by_router = heard_by_router_,
            .failures = sidecar_ ? sidecar_->failures() : 0,
            .peers = ledger_.status(steady_clock::now())};
}

// --- ExaBGP's life -----------------------------------------------------------------------------------------

void Speaker::refresh_roster() {
    const auto now = steady_clock::now();
    for (const auto& left_out : roster_.refresh(options_.bgp, ledger_.established()))
        ledger_.note_error(left_out.peer, left_out.reason, now);
    ledger_.hold_back(roster_.going());
    const bool nobody = sidecar_ && !sidecar_->started() && roster_.wanted().empty();
    if (nobody)
        last_error_ = "start exabgp: no BGP peer can be reached yet";
}

/// A supervisor without ExaBGP waits for the first peer that can be reached.
void Speaker::came(const Hello& hello, const std::vector<Held>& held) {
    const auto now = steady_clock::now();
    roster_.set_running(hello.neighbors);
    refresh_roster();
    if (hello.started) {
        for (const auto& [peer, vips] : held)
            ledger_.adopt(peer, vips, now);
        adopting_ = options_.adopted != nullptr;
        if (adopting_)
            options_.adopted();
    } else if (!roster_.wanted().empty()) {
        sidecar_->configure(roster_.wanted());
        roster_.set_running(roster_.wanted());
    }
    wake();
}

/// What was under way when ExaBGP's relay was lost may have been heard.
void Speaker::hearing_changed(bool hears) {
    if (!hears && under_way_)
        ledger_.unanswered(*under_way_, steady_clock::now());
    under_way_.reset();
    checked_ = known_ = false;
    wake();
}

void Speaker::sidecar_ended(const std::string& reason) {
    last_error_ = reason;
    under_way_.reset();
    changing_.reset();
    writing_ = checked_ = known_ = adopting_ = false;
    roster_.set_running({});
    ledger_.restarted(reason, steady_clock::now());
    wake();
}

asio::awaitable<void> Speaker::look_for_ways() {
    const auto self = shared_from_this();
    while (!ended_) {
        ways_.expires_after(kBetweenLooksForWays);
        co_await ways_.async_wait(kAnyOutcome);
        if (ended_ || !sidecar_)
            continue;
        refresh_roster();
        if (sidecar_->waiting() && !roster_.wanted().empty()) {
            sidecar_->configure(roster_.wanted());
            roster_.set_running(roster_.wanted());
        }
        wake();
    }
}

// --- the conversation --------------------------------------------------------------------------------------

asio::awaitable<void> Speaker::converse() {
    const auto self = shared_from_this();
    while (!ended_) {
        wake_.expires_at(step(steady_clock::now()));
        co_await wake_.async_wait(kAnyOutcome);
    }
}

/// Does what is due, and says when something will be.
Time Speaker::step(Time now) {
    if (!sidecar_ || !sidecar_->started())
        return Time::max();
    if (!sidecar_->hearing()) {
        const auto due = sidecar_->deaf_since() + kConnectWithin;
        if (now >= due)
            sidecar_->restart("its relay does not connect");
        return now >= due ? now + kConnectWithin : due;
    }
    if ((under_way_ || writing_) && now < answer_due_)
        return answer_due_;
    if (under_way_ || writing_) {
        sidecar_->restart(fmt::format("no answer to '{}' within {} s",
                                      writing_ ? "write its configuration" : under_way_->text,
                                      kAnswerWithin.count()));
        return now + kAnswerWithin;
    }
    if (auto command = next_command(now)) {
        say(std::move(*command), now);
        return answer_due_;
    }
    return writing_ ? answer_due_ : std::min(ledger_.due(), summary_due_);
}

/// Withdraws come first, then changes of neighbours, then announcements.
std::optional<Command> Speaker::next_command(Time now) {
    if (!checked_)
        return configuration_command();
    if (!known_)
        return summary_command();
    if (!adopting_) {
        auto command = ledger_.next(now);
        if (command && command->kind == Command::Kind::kWithdraw)
            return command;
        if (go_over(now))
            return std::nullopt;
        if (command)
            return command;
    }
    return now >= summary_due_ ? std::optional(summary_command()) : std::nullopt;
}

/// Begins to go over to other neighbours, if there are any: true if that keeps everything else waiting.
bool Speaker::go_over(Time now) {
    const auto next = roster_.next();
    if (!next || now < change_due_)
        return false;
    if (next->empty()) {
        spdlog::info("every BGP session changes: exabgp is started anew");
        end_sidecar();
        ledger_.restarted("", now);
        start_sidecar();
        return true;
    }
    changing_ = next;
    writing_ = true;
    answer_due_ = now + kAnswerWithin;
    sidecar_->configure(*next);
    return true;
}

void Speaker::written(const std::string& error) {
    if (!std::exchange(writing_, false))
        return;
    const auto now = steady_clock::now();
    if (error.empty()) {
        say(reload_command(), now);
    } else {
        spdlog::error("{}; BGP sessions stay as they are", error);
        last_error_ = error;
        changing_.reset();
        change_due_ = now + kRetryChange;
    }
    wake();
}

void Speaker::say(Command command, Time now) {
    spdlog::debug("to exabgp: {}", command.text);
    if (command.kind == Command::Kind::kSummary)
        established_.clear();
    if (command.kind == Command::Kind::kConfiguration)
        configured_.clear();
    answer_due_ = now + kAnswerWithin;
    sidecar_->say(command);
    under_way_ = std::move(command);
}

void Speaker::hear(const std::string& line) {
    const auto message = read_message(line);
    if (const auto* event = std::get_if<SessionEvent>(&message)) {
        note_session(*event);
        ledger_.observe(*event, steady_clock::now());
        wake();
    } else if (const auto* answer = std::get_if<Acknowledgement>(&message)) {
        answered(answer->ok);
    } else if (const auto* peer = std::get_if<EstablishedPeer>(&message)) {
        established_.insert(peer->peer);
    } else if (const auto* neighbor = std::get_if<ConfiguredPeer>(&message)) {
        configured_.insert(neighbor->peer);
    }
}

void Speaker::note_session(const SessionEvent& event) {
    spdlog::debug("from exabgp: {} {} {}", event.peer.text(), session_text(event.session), event.reason);
    const bool was_up = ledger_.established().contains(event.peer);
    const bool is_up = event.session == Session::kUp;
    heard_by_router_ = heard_by_router_ || is_up;
    if (is_up && !was_up)
        spdlog::info("BGP session with {}: established", event.peer.text());
    if (was_up && !is_up && changing_)
        spdlog::info("BGP session with {}: ended, as its configuration changes", event.peer.text());
    else if (was_up && !is_up)
        spdlog::warn("BGP session with {}: lost{}{}", event.peer.text(), event.reason.empty() ? "" : ": ",
                     event.reason);
}

void Speaker::answered(bool ok) {
    if (!under_way_)
        return;
    const auto now = steady_clock::now();
    const auto command = std::move(*under_way_);
    under_way_.reset();
    switch (command.kind) {
        case Command::Kind::kSummary:
            summary_due_ = now + kBetweenSummaries;
            if (ok) {
                ledger_.observe_established(established_, now);
                heard_by_router_ = heard_by_router_ || !established_.empty();
                known_ = true;
            }
            break;
        case Command::Kind::kReload:
            checked_ = false;
            break;
        case Command::Kind::kConfiguration:
            check_neighbors(now);
            break;
        default:
            ledger_.finished(command, ok, now);
    }
    if (!ok && command.kind == Command::Kind::kWithdraw && sidecar_)
        sidecar_->restart(fmt::format("it refused '{}', and what cannot be withdrawn must go", command.text));
    wake();
}

/// ExaBGP 4.2 says nothing of a configuration that it could not read, and obeys no command afterwards.
void Speaker::check_neighbors(Time now) {
    if (changing_ && configured_ == addresses_of(roster_.running())) {
        changing_.reset();  // the command was lost
        change_due_ = now + kRetryChange;
    }
    if (configured_ != addresses_of(changing_ ? *changing_ : roster_.running()))
        return sidecar_->restart("it has not the neighbours that it was given");
    checked_ = true;
    if (!changing_)
        return;
    const auto gone = roster_.going();
    const auto kept = addresses_of(*changing_);
    std::set<IpAddress> dropped;
    std::ranges::set_difference(gone, kept, std::inserter(dropped, dropped.end()));
    roster_.set_running(std::move(*changing_));
    changing_.reset();
    ledger_.dropped(dropped, now);
    ledger_.hold_back(roster_.going());
}

}  // namespace guideway::bgp
