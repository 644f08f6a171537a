// SPDX-License-Identifier: Apache-2.0
#include "bgp/adj_rib_out.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace guideway::bgp {

namespace {
constexpr std::chrono::milliseconds kBetweenChanges{500};
constexpr std::chrono::seconds kRetryRefused{10};
/// A session that does not come to be for this long is worth a sentence.
constexpr std::chrono::seconds kPatience{3};
/// What a router said is not hidden by the connections that it closes afterwards.
constexpr std::chrono::seconds kNotificationStays{60};
constexpr std::string_view kNotification = "notification ";
constexpr std::string_view kRefused = "exabgp refused ";

std::string nobody_answers(const config::Peer& peer) {
    return fmt::format(
        "no BGP session: {} port {} does not answer; is the address right, the router up, "
        "the way there open{}?",
        peer.address.text(), peer.port,
        peer.password.empty() ? ", and does it want no password" : ", and the password the same");
}
}  // namespace

AdjRibOut::AdjRibOut(const config::Bgp& bgp, Time now) {
    configure(bgp, now);
}

void AdjRibOut::configure(const config::Bgp& bgp, Time now) {
    auto before = std::exchange(neighbours_, {});
    for (const auto& peer : bgp.peers) {
        const auto known = std::ranges::find_if(
            before, [&](const Neighbour& each) { return each.config.address == peer.address; });
        Neighbour neighbour;
        if (known != before.end()) {
            neighbour = std::move(*known);
            before.erase(known);
        } else {
            neighbour.since = neighbour.observed = now;
        }
        neighbour.config = peer;
        neighbour.families = families_of(peer);
        neighbour.going = false;
        neighbours_.push_back(std::move(neighbour));
    }
    for (auto& neighbour : before) {
        neighbour.going = true;
        neighbours_.push_back(std::move(neighbour));
    }
    open_all();
}

void AdjRibOut::hold_back(std::set<IpAddress> peers) {
    if (peers == held_back_)
        return;
    held_back_ = std::move(peers);
    open_all();
}

void AdjRibOut::dropped(const std::set<IpAddress>& peers, Time now) {
    std::erase_if(neighbours_, [&](const Neighbour& neighbour) {
        return neighbour.going && peers.contains(neighbour.config.address);
    });
    for (const auto& peer : peers) {
        if (auto* neighbour = find(peer)) {
            neighbour->held.clear();
            neighbour->error.clear();
            neighbour->notification.clear();
            go_down(*neighbour, Session::kIdle, "", now);
        }
    }
}

void AdjRibOut::adopt(const IpAddress& peer, const std::vector<IpAddress>& vips, Time now) {
    auto* neighbour = find(peer);
    if (neighbour == nullptr) {
        neighbour = &neighbours_.emplace_back();
        neighbour->config.address = peer;
        neighbour->since = neighbour->observed = now;
        neighbour->going = true;
    }
    for (const auto& vip : vips) {
        neighbour->held[vip] = {.attributes = {}, .announced = true, .certain = false, .changed = now};
        open_.insert(vip);
    }
}

std::set<IpAddress> AdjRibOut::held() const {
    std::set<IpAddress> vips;
    for (const auto& neighbour : neighbours_)
        for (const auto& [vip, route] : neighbour.held)
            if (route.announced)
                vips.insert(vip);
    return vips;
}

/// Any VIP may need a command.
void AdjRibOut::open_all() {
    for (const auto& [vip, attributes] : wanted_)
        open_.insert(vip);
    for (const auto& neighbour : neighbours_)
        for (const auto& [vip, route] : neighbour.held)
            open_.insert(vip);
}

void AdjRibOut::want(Routes wanted, bool complete, Time now) {
    for (auto& neighbour : neighbours_)
        std::erase_if(neighbour.held, [&](const auto& route) {
            return !route.second.announced && now - route.second.changed > kBetweenChanges;
        });
    for (const auto& [vip, attributes] : wanted_)
        if (const auto next = wanted.find(vip); next == wanted.end() || next->second != attributes)
            open_.insert(vip);
    for (const auto& [vip, attributes] : wanted)
        if (!wanted_.contains(vip))
            open_.insert(vip);
    wanted_ = std::move(wanted);
    complete_ = complete_ || complete;
}

void AdjRibOut::restarted(const std::string& reason, Time now) {
    std::erase_if(neighbours_, [](const Neighbour& neighbour) { return neighbour.going; });
    for (auto& neighbour : neighbours_) {
        neighbour.held.clear();
        go_down(neighbour, Session::kIdle, reason, now);
        neighbour.no_attempt = true;
    }
    held_back_.clear();
    retry_at_.clear();
}

AdjRibOut::Neighbour* AdjRibOut::find(const IpAddress& peer) {
    const auto found =
        std::ranges::find_if(neighbours_, [&](const Neighbour& each) { return each.config.address == peer; });
    return found == neighbours_.end() ? nullptr : &*found;
}

void AdjRibOut::observe(const SessionEvent& event, Time now) {
    auto* neighbour = find(event.peer);
    if (neighbour == nullptr)
        return;
    neighbour->observed = now;
    if (std::exchange(neighbour->no_attempt, false))
        neighbour->error.clear();
    if (event.session == Session::kUp)
        come_up(*neighbour, now);
    else
        go_down(*neighbour, event.session, event.reason, now);
}

void AdjRibOut::observe_established(const std::set<IpAddress>& peers, Time now) {
    for (auto& neighbour : neighbours_) {
        if (peers.contains(neighbour.config.address))
            come_up(neighbour, now);
        else if (neighbour.session == Session::kUp)
            go_down(neighbour, Session::kIdle, "", now);
    }
}

std::set<IpAddress> AdjRibOut::established() const {
    std::set<IpAddress> peers;
    for (const auto& neighbour : neighbours_)
        if (neighbour.session == Session::kUp)
            peers.insert(neighbour.config.address);
    return peers;
}

void AdjRibOut::note_error(const IpAddress& peer, const std::string& error, Time now) {
    auto* neighbour = find(peer);
    if (neighbour == nullptr)
        return;
    set_error(*neighbour, error, now);
    neighbour->no_attempt = true;
}

/// ExaBGP announces by itself again what the session had before.
void AdjRibOut::come_up(Neighbour& neighbour, Time now) {
    if (neighbour.session == Session::kUp)
        return;
    neighbour.session = Session::kUp;
    neighbour.since = now;
    neighbour.error.clear();
    neighbour.notification.clear();
    if (neighbour.config.graceful_restart.count() > 0)
        neighbour.ends_of_rib = neighbour.families;
    for (const auto& [vip, attributes] : wanted_)
        open_.insert(vip);
}

void AdjRibOut::go_down(Neighbour& neighbour, Session session, const std::string& reason, Time now) {
    if (neighbour.session == Session::kUp)
        neighbour.since = now;
    neighbour.session = session;
    neighbour.ends_of_rib.clear();
    if (!reason.empty())
        set_error(neighbour, reason, now);
}

void AdjRibOut::set_error(Neighbour& neighbour, const std::string& error, Time now) {
    const bool notification = error.starts_with(kNotification);
    neighbour.error = notification ? "" : error;
    neighbour.no_attempt = false;
    if (!notification)
        return;
    neighbour.notification = error;
    neighbour.notification_at = now;
}

/// What keeps the session down now: what was heard last, or that nothing is heard. A router that closes
/// connections for a while after it said why, as BIRD does, has that beside it.
std::string AdjRibOut::present_trouble(const Neighbour& neighbour, Time now) {
    if (neighbour.session == Session::kUp)
        return neighbour.error;  // a route was refused
    const bool told = !neighbour.notification.empty() && now - neighbour.notification_at < kNotificationStays;
    const bool silent = neighbour.session == Session::kConnecting && now - neighbour.observed > kPatience;
    const auto present = silent ? nobody_answers(neighbour.config) : neighbour.error;
    if (!told)
        return present;
    return present.empty() ? neighbour.notification
                           : fmt::format("{}; before that: {}", present, neighbour.notification);
}

const Attributes* AdjRibOut::wanted_by(const Neighbour& neighbour, const IpAddress& vip) const {
    if (neighbour.going ||
        std::ranges::find(neighbour.families, config::family_of(vip)) == neighbour.families.end())
        return nullptr;
    const auto found = wanted_.find(vip);
    return found == wanted_.end() ? nullptr : &found->second;
}

bool AdjRibOut::must_withdraw(const Neighbour& neighbour, const IpAddress& vip) const {
    const auto held = neighbour.held.find(vip);
    return held != neighbour.held.end() && held->second.announced && wanted_by(neighbour, vip) == nullptr;
}

bool AdjRibOut::must_announce(const Neighbour& neighbour, const IpAddress& vip) const {
    const auto* wanted = wanted_by(neighbour, vip);
    if (wanted == nullptr || neighbour.session != Session::kUp ||
        held_back_.contains(neighbour.config.address))
        return false;
    const auto held = neighbour.held.find(vip);
    return held == neighbour.held.end() || !held->second.announced || !held->second.certain ||
           held->second.attributes != *wanted;
}

std::optional<Command> AdjRibOut::next(Time now) {
    due_ = Time::max();
    forget_settled();
    if (auto command = next_withdraw())
        return command;
    if (auto command = next_announcement(now))
        return command;
    return next_end_of_rib();
}

void AdjRibOut::forget_settled() {
    std::erase_if(open_, [this](const IpAddress& vip) {
        return std::ranges::none_of(neighbours_, [&](const Neighbour& each) {
            return must_withdraw(each, vip) || must_announce(each, vip);
        });
    });
}

std::optional<Command> AdjRibOut::next_withdraw() const {
    for (const auto& vip : open_) {
        Peers peers;
        for (const auto& neighbour : neighbours_)
            if (must_withdraw(neighbour, vip))
                peers.push_back(neighbour.config.address);
        if (!peers.empty())
            return withdraw_command(vip, std::move(peers));
    }
    return std::nullopt;
}

std::optional<Command> AdjRibOut::next_announcement(Time now) {
    for (const auto& vip : open_) {
        Peers peers;
        const auto retry = retry_at_.find(vip);
        for (const auto& neighbour : neighbours_) {
            if (!must_announce(neighbour, vip))
                continue;
            Time earliest = retry == retry_at_.end() ? Time::min() : retry->second;
            if (const auto held = neighbour.held.find(vip); held != neighbour.held.end())
                earliest = std::max(earliest, held->second.changed + kBetweenChanges);
            if (earliest > now)
                due_ = std::min(due_, earliest);
            else
                peers.push_back(neighbour.config.address);
        }
        if (!peers.empty())
            return announce_command(vip, wanted_.at(vip), std::move(peers));
    }
    return std::nullopt;
}

/// Once a peer has everything: the routes go out before it.
std::optional<Command> AdjRibOut::next_end_of_rib() const {
    if (!complete_)
        return std::nullopt;
    for (const auto& neighbour : neighbours_) {
        const bool waits =
            std::ranges::any_of(open_, [&](const IpAddress& vip) { return must_announce(neighbour, vip); });
        if (!neighbour.ends_of_rib.empty() && !waits)
            return end_of_rib_command(neighbour.ends_of_rib.front(), neighbour.config.address);
    }
    return std::nullopt;
}

void AdjRibOut::finished(const Command& command, bool ok, Time now) {
    if (!ok && command.kind == Command::Kind::kAnnounce)
        retry_at_[command.vip] = now + kRetryRefused;
    if (ok)
        retry_at_.erase(command.vip);
    for (const auto& peer : command.peers) {
        auto* neighbour = find(peer);
        if (neighbour == nullptr)
            continue;
        if (!ok)
            set_error(*neighbour, fmt::format("{}'{}'", kRefused, command.text), now);
        else if (command.kind == Command::Kind::kAnnounce && neighbour->error.starts_with(kRefused))
            neighbour->error.clear();
        if (command.kind == Command::Kind::kEndOfRib)
            std::erase(neighbour->ends_of_rib, command.family);
        else if (ok && command.kind != Command::Kind::kSummary)
            neighbour->held[command.vip] = {.attributes = command.attributes,
                                            .announced = command.kind == Command::Kind::kAnnounce,
                                            .changed = now};
    }
    if (command.kind == Command::Kind::kAnnounce || command.kind == Command::Kind::kWithdraw)
        open_.insert(command.vip);  // what is wanted may have changed since it was said
}

void AdjRibOut::unanswered(const Command& command, Time now) {
    if (command.kind != Command::Kind::kAnnounce)
        return;
    for (const auto& peer : command.peers)
        if (auto* neighbour = find(peer))
            neighbour->held[command.vip] = {
                .attributes = command.attributes, .announced = true, .certain = false, .changed = now};
    open_.insert(command.vip);
}

bool AdjRibOut::settled() const {
    return std::ranges::all_of(open_, [this](const IpAddress& vip) {
        return std::ranges::none_of(neighbours_, [&](const Neighbour& each) {
            return must_withdraw(each, vip) || must_announce(each, vip);
        });
    });
}

std::vector<PeerStatus> AdjRibOut::status(Time now) const {
    std::vector<PeerStatus> peers;
    for (const auto& neighbour : neighbours_) {
        if (neighbour.going)
            continue;
        PeerStatus peer{.address = neighbour.config.address,
                        .as = neighbour.config.as,
                        .session = neighbour.session,
                        .since = neighbour.since,
                        .last_error = present_trouble(neighbour, now)};
        const bool up = neighbour.session == Session::kUp;
        peer.wanted = static_cast<std::size_t>(std::ranges::count_if(
            wanted_, [&](const auto& route) { return wanted_by(neighbour, route.first) != nullptr; }));
        peer.announced = static_cast<std::size_t>(std::ranges::count_if(
            neighbour.held, [&](const auto& route) { return up && route.second.announced; }));
        peers.push_back(std::move(peer));
    }
    return peers;
}

}  // namespace guideway::bgp
