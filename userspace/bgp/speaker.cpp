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
/// For the routers to be told: longer than ExaBGP takes for anything.
constexpr std::chrono::seconds kSettleWithin{10};
/// What is acknowledged is on the wire one turn of ExaBGP's loop later.
constexpr std::chrono::milliseconds kOnTheWire{100};

/// A peer without a way at the start gets one, when the network is up.
constexpr std::chrono::seconds kBetweenLooksForWays{2};
/// So many failures are no accident.
constexpr unsigned kCannotStart = 3;
}  // namespace

std::string why_unheard(const SpeakerStatus& status) {
    if (status.peers.empty())
        return {};
    if (status.failures >= kCannotStart)
        return fmt::format("nothing is announced, since ExaBGP cannot be run: {}", status.last_error);
    if (status.heard_by_router)
        return {};
    const auto troubled =
        std::ranges::find_if(status.peers, [](const PeerStatus& peer) { return !peer.last_error.empty(); });
    return troubled == status.peers.end()
               ? "no BGP session has come up yet"
               : fmt::format("no BGP session has come up yet: {}", troubled->last_error);
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
      adj_rib_out_(options_.bgp, steady_clock::now()),
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
    adj_rib_out_.want(std::move(routes), complete_, steady_clock::now());
    wake();
}

bool Speaker::settled() const {
    return !under_way_ && adj_rib_out_.settled();
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
    adj_rib_out_.configure(options_.bgp, now);
    change_due_ = now;
    if (options_.bgp.peers.empty()) {
        end_sidecar();
        adj_rib_out_.restarted("", now);
    } else if (!sidecar_) {
        start_sidecar();
    }
    refresh_roster();
    send_terms();
    wake();
}

bool Speaker::announces() const {
    return std::ranges::any_of(adj_rib_out_.status(steady_clock::now()),
                               [](const PeerStatus& peer) { return peer.announced > 0; });
}

SpeakerStatus Speaker::status() const {
    return {.presence = presence_,
            .running = sidecar_ && sidecar_->hearing() && known_,
            .restarts = sidecar_ ? sidecar_->restarts() : 0,
            .last_error = last_error_,
            .heard_by_router = heard_by_router_,
            .failures = sidecar_ ? sidecar_->failures() : 0,
            .peers = adj_rib_out_.status(steady_clock::now())};
}

// --- ExaBGP's life -----------------------------------------------------------------------------------------

void Speaker::refresh_roster() {
    const auto now = steady_clock::now();
    for (const auto& left_out : roster_.refresh(options_.bgp, adj_rib_out_.established()))
        adj_rib_out_.note_error(left_out.peer, left_out.reason, now);
    adj_rib_out_.hold_back(roster_.going());
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
            adj_rib_out_.adopt(peer, vips, now);
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
        adj_rib_out_.unanswered(*under_way_, steady_clock::now());
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
    adj_rib_out_.restarted(reason, steady_clock::now());
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

}  // namespace guideway::bgp
