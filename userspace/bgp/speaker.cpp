// SPDX-License-Identifier: Apache-2.0
#include "bgp/speaker.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

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

/// What ExaBGP's configuration is made of; attributes are part of each command.
bool same_sessions(const config::Bgp& a, const config::Bgp& b) {
    return a.local_as == b.local_as && a.router_id == b.router_id && a.peers == b.peers;
}
}  // namespace

Result<std::shared_ptr<Speaker>> Speaker::start(asio::io_context& loop, SpeakerOptions options) {
    std::shared_ptr<Speaker> speaker(new Speaker(loop, std::move(options)));
    if (auto started = speaker->start_sidecar(); !started)
        return std::unexpected(started.error());
    asio::co_spawn(loop, speaker->converse(), [speaker](const std::exception_ptr& failure) {
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
      patience_(loop) {}

Result<void> Speaker::start_sidecar() {
    if (options_.bgp.peers.empty())
        return {};
    auto sidecar = Sidecar::start(
        loop_, {.bgp = options_.bgp,
                .directory = options_.directory,
                .relay_program = options_.relay_program,
                .exabgp = options_.exabgp,
                .events = {.connected =
                               [this] {
                                   known_ = false;
                                   wake();
                               },
                           .line = [this](const std::string& line) { hear(line); },
                           .disconnected = [this] { relay_lost(); },
                           .ended = [this](const std::string& reason) { sidecar_ended(reason); },
                           .left_out =
                               [this](const IpAddress& peer, const std::string& reason) {
                                   ledger_.note_error(peer, reason, steady_clock::now());
                               }}});
    if (!sidecar)
        return std::unexpected(sidecar.error());
    sidecar_ = std::move(*sidecar);
    return {};
}

void Speaker::end() {
    ended_ = true;
    if (sidecar_)
        sidecar_->end();
    sidecar_ = nullptr;
    ++turns_;
    patience_.cancel();
    wake();
}

void Speaker::wake() {
    wake_.cancel();
}

void Speaker::want(Routes routes, bool complete) {
    wanted_ = std::move(routes);
    complete_ = complete;
    update_wanted();
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

Result<void> Speaker::reconfigure(config::Bgp bgp) {
    const bool same = same_sessions(bgp, options_.bgp);
    options_.bgp = std::move(bgp);
    if (same)
        return {};
    if (sidecar_)
        sidecar_->end();
    sidecar_ = nullptr;
    under_way_.reset();
    ledger_ = Ledger(options_.bgp, steady_clock::now());
    update_wanted();
    return start_sidecar();
}

bool Speaker::announces() const {
    return std::ranges::any_of(ledger_.status(steady_clock::now()),
                               [](const PeerStatus& peer) { return peer.announced > 0; });
}

SpeakerStatus Speaker::status() const {
    return {.presence = presence_,
            .running = sidecar_ && sidecar_->connected() && known_,
            .restarts = sidecar_ ? sidecar_->restarts() : 0,
            .last_error = last_error_,
            .peers = ledger_.status(steady_clock::now())};
}

void Speaker::relay_lost() {
    if (under_way_)
        ledger_.unanswered(*under_way_, steady_clock::now());
    under_way_.reset();
    known_ = false;
    wake();
}

void Speaker::sidecar_ended(const std::string& reason) {
    last_error_ = reason;
    under_way_.reset();
    known_ = false;
    ledger_.restarted(reason, steady_clock::now());
    wake();
}

asio::awaitable<void> Speaker::converse() {
    const auto self = shared_from_this();
    while (!ended_) {
        wake_.expires_at(step(steady_clock::now()));
        co_await wake_.async_wait(kAnyOutcome);
    }
}

/// Does what is due, and says when something will be.
Time Speaker::step(Time now) {
    if (!sidecar_ || !sidecar_->running())
        return Time::max();
    if (!sidecar_->connected()) {
        const auto due = sidecar_->disconnected_since() + kConnectWithin;
        if (now >= due)
            sidecar_->restart("its relay does not connect");
        return now >= due ? now + kConnectWithin : due;
    }
    if (under_way_ && now < answer_due_)
        return answer_due_;
    if (under_way_) {
        sidecar_->restart(
            fmt::format("no answer to '{}' within {} s", under_way_->text, kAnswerWithin.count()));
        return now + kAnswerWithin;
    }
    const bool ask = !known_ || now >= summary_due_;
    auto command = known_ ? ledger_.next(now) : std::nullopt;
    if (!command && ask)
        command = summary_command();
    if (!command)
        return std::min(ledger_.due(), summary_due_);
    say(std::move(*command), now);
    return answer_due_;
}

void Speaker::say(Command command, Time now) {
    spdlog::debug("to exabgp: {}", command.text);
    if (command.kind == Command::Kind::kSummary)
        established_.clear();
    answer_due_ = now + kAnswerWithin;
    sidecar_->send(command.text);
    under_way_ = std::move(command);
}

void Speaker::hear(const std::string& line) {
    const auto message = read_message(line);
    if (const auto* event = std::get_if<SessionEvent>(&message)) {
        spdlog::debug("from exabgp: {} {} {}", event->peer.text(), session_text(event->session),
                      event->reason);
        ledger_.observe(*event, steady_clock::now());
        wake();
    } else if (const auto* answer = std::get_if<Acknowledgement>(&message)) {
        answered(answer->ok);
    } else if (const auto* peer = std::get_if<EstablishedPeer>(&message)) {
        established_.insert(peer->peer);
    }
}

void Speaker::answered(bool ok) {
    if (!under_way_)
        return;
    const auto now = steady_clock::now();
    const auto command = std::move(*under_way_);
    under_way_.reset();
    if (command.kind == Command::Kind::kSummary) {
        summary_due_ = now + kBetweenSummaries;
        if (ok) {
            ledger_.observe_established(established_, now);
            known_ = true;
        }
    }
    ledger_.finished(command, ok, now);
    if (!ok && command.kind == Command::Kind::kWithdraw && sidecar_)
        sidecar_->restart(fmt::format("it refused '{}', and what cannot be withdrawn must go", command.text));
    wake();
}

}  // namespace guideway::bgp
