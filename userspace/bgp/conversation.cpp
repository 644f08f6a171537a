// SPDX-License-Identifier: Apache-2.0
/// What the speaker says to ExaBGP, a command at a time, and what it hears of it.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <iterator>

#include "bgp/speaker.hpp"

namespace guideway::bgp {

namespace asio = boost::asio;
using std::chrono::steady_clock;

namespace {
constexpr auto kAnyOutcome = asio::as_tuple(asio::use_awaitable);
/// ExaBGP answers in milliseconds. One that does not in this time is stopped or hangs; on a host whose
/// processors are all taken it may need seconds, and to end it would withdraw every VIP.
constexpr std::chrono::seconds kAnswerWithin{15};
constexpr std::chrono::seconds kBetweenSummaries{2};
/// A relay is there a fraction of a second after ExaBGP has started.
constexpr std::chrono::seconds kConnectWithin{15};
/// Longer than its supervisor waits for its version.
constexpr std::chrono::seconds kStartWithin{20};
constexpr std::chrono::seconds kRetryChange{10};

std::set<IpAddress> addresses_of(const Neighbors& neighbors) {
    std::set<IpAddress> addresses;
    for (const auto& [peer, section] : neighbors)
        addresses.insert(peer);
    return addresses;
}
}  // namespace

asio::awaitable<void> Speaker::converse() {
    const auto self = shared_from_this();
    while (!ended_) {
        wake_.expires_at(step(steady_clock::now()));
        co_await wake_.async_wait(kAnyOutcome);
    }
}

/// Does what is due, and says when something will be.
Time Speaker::step(Time now) {
    if (!sidecar_ || !(sidecar_->started() || sidecar_->starting()))
        return Time::max();
    if (!sidecar_->hearing()) {
        const bool starting = sidecar_->starting();
        const auto due = sidecar_->deaf_since() + (starting ? kStartWithin : kConnectWithin);
        if (now >= due)
            sidecar_->restart(starting ? "its supervisor does not start it" : "its relay does not connect");
        return now >= due ? Time::max() : due;
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
    return writing_ ? answer_due_ : std::min(adj_rib_out_.due(), summary_due_);
}

/// Withdraws come first, then changes of neighbours, then announcements.
std::optional<Command> Speaker::next_command(Time now) {
    if (!checked_)
        return configuration_command();
    if (!known_)
        return summary_command();
    if (!adopting_) {
        auto command = adj_rib_out_.next(now);
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
        adj_rib_out_.restarted("", now);
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
        adj_rib_out_.observe(*event, steady_clock::now());
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
    const bool was_up = adj_rib_out_.established().contains(event.peer);
    const bool is_up = event.session == Session::kUp;
    heard_by_router_ = heard_by_router_ || is_up;
    if (is_up && !was_up)
        spdlog::info("BGP session with {}: established", event.peer.text());
    if (was_up && !is_up && changing_)
        spdlog::info("BGP session with {}: ended, as its configuration changes", event.peer.text());
    else if (was_up && !is_up)
        spdlog::warn("BGP session with {}: lost{}{}", event.peer.text(), event.reason.empty() ? "" : ": ",
                     event.reason);
    if (was_up != is_up && options_.on_session)
        options_.on_session(event.peer, is_up, changing_ ? "its configuration changes" : event.reason);
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
                adj_rib_out_.observe_established(established_, now);
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
            adj_rib_out_.finished(command, ok, now);
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
    adj_rib_out_.dropped(dropped, now);
    adj_rib_out_.hold_back(roster_.going());
}

}  // namespace guideway::bgp
