// SPDX-License-Identifier: Apache-2.0
#include "agent/announcer.hpp"

#include <spdlog/spdlog.h>

#include <filesystem>
#include <vector>

namespace guideway::agent {

namespace {
/// Of a long list, its beginning and how many more there are.
std::string some_of(const std::vector<std::string>& vips) {
    constexpr std::size_t kShown = 5;
    if (vips.size() <= kShown)
        return fmt::format("{}", fmt::join(vips, ", "));
    return fmt::format("{} and {} more", fmt::join(vips.begin(), vips.begin() + kShown, ", "),
                       vips.size() - kShown);
}
}  // namespace

Announcer::Announcer(boost::asio::io_context& loop, const std::string& runtime_dir,
                     std::function<void()> adopted, OnEvent on_event)
    : loop_(loop),
      directory_(runtime_dir + "/bgp"),
      relay_program_(std::filesystem::read_symlink("/proc/self/exe")),
      adopted_(std::move(adopted)),
      on_event_(std::move(on_event)) {}

Announcer::~Announcer() {
    end();
}

void Announcer::end() {
    if (speaker_)
        speaker_->end();
    speaker_ = nullptr;
    servable_.clear();
    announcements_.clear();
}

void Announcer::watch(std::vector<std::string> links) {
    if (speaker_)
        speaker_->watch(std::move(links));
}

void Announcer::configure(const std::optional<config::Bgp>& bgp, bool withdrawn) {
    if (!bgp) {
        end();
        bgp::Sidecar::end_leftover(loop_, directory_);
    } else if (speaker_) {
        speaker_->reconfigure(*bgp);
    } else {
        speaker_ = bgp::Speaker::start(
            loop_,
            {.bgp = *bgp,
             .directory = directory_,
             .relay_program = relay_program_,
             .presence = withdrawn ? bgp::Presence::kGone : bgp::Presence::kPresent,
             .adopted = adopted_,
             .on_session = [on_event = on_event_](const IpAddress& peer, bool established,
                                                  const std::string& reason) {
                 on_event({.kind = established ? api::EventKind::kSessionUp : api::EventKind::kSessionDown,
                           .peer = peer.text(),
                           .reason = reason});
             }});
    }
}

/// What is withdrawn by hand stays wanted: it leaves step by step, and may come back.
void Announcer::update(const config::Config& config, const bgp::BalancerFacts& balancer,
                       const bgp::FactsOf& services, bool complete) {
    if (!speaker_)
        return;
    auto servable = balancer;
    servable.withdrawn = false;
    servable_.merge(speaker_->held());
    auto wanted = bgp::routes_of(bgp::decide(config, servable, services, servable_));
    servable_ = bgp::vips_of(wanted);
    speaker_->want(std::move(wanted), complete);
    auto next = balancer.withdrawn ? bgp::decide(config, balancer, services)
                                   : bgp::decide(config, balancer, services, servable_);
    log_changes(next);
    announcements_ = std::move(next);
}

void Announcer::log_changes(const Announcements& next) const {
    std::map<std::string, std::vector<std::string>> changed, noted;
    for (const auto& [vip, announcement] : next) {
        const auto before = announcements_.find(vip);
        const bool known = before != announcements_.end();
        if (!known || before->second.announced != announcement.announced)
            changed[announcement.reason].push_back(vip.text());
        if (!known || before->second.announced != announcement.announced)
            note_change(vip, announcement, known);
        if (!announcement.note.empty() && (!known || before->second.note != announcement.note))
            noted[announcement.note].push_back(vip.text());
    }
    for (const auto& [reason, vips] : changed) {
        if (reason.empty())
            spdlog::info("announced: {}", some_of(vips));
        else
            spdlog::warn("not announced: {} ({})", some_of(vips), reason);
    }
    for (const auto& [note, vips] : noted)
        spdlog::warn("no new flows are served: {} ({})", some_of(vips), note);
}

void Announcer::note_change(const IpAddress& vip, const bgp::Announcement& next, bool known) const {
    const auto kind = next.announced ? api::EventKind::kAnnounced
                      : known        ? api::EventKind::kWithdrawn
                                     : api::EventKind::kNotAnnounced;
    on_event_({.kind = kind, .vip = vip.text(), .reason = next.reason});
}

boost::asio::awaitable<bool> Announcer::withdraw() {
    const auto speaker = speaker_;
    if (!speaker)
        co_return true;
    co_return co_await speaker->leave();
}

boost::asio::awaitable<bool> Announcer::leave() {
    if (speaker_)
        speaker_->hold_nothing();
    co_return co_await withdraw();
}

void Announcer::announce() {
    if (speaker_)
        speaker_->stay();
}

std::optional<api::BgpSnapshot> Announcer::snapshot() const {
    if (!speaker_)
        return std::nullopt;
    return api::BgpSnapshot{.speaker = speaker_->status(), .vips = announcements_};
}

}  // namespace guideway::agent
