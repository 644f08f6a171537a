// SPDX-License-Identifier: Apache-2.0
#include "agent/former_states.hpp"

#include <fmt/format.h>

namespace guideway::agent {

namespace {
using api::EventKind;
using Milliseconds = std::chrono::milliseconds;

/// Events of one aspect follow one another; null: the kind has no state.
const char* aspect_of(EventKind kind) {
    switch (kind) {
        case EventKind::kStarted:
        case EventKind::kStopped:
            return "agent";
        case EventKind::kUp:
        case EventKind::kDown:
            return "health";
        case EventKind::kPanic:
        case EventKind::kPanicOver:
            return "panic";
        case EventKind::kUntried:
        case EventKind::kTried:
            return "trial";
        case EventKind::kDrained:
        case EventKind::kUndrained:
            return "drain";
        case EventKind::kDisabled:
        case EventKind::kEnabled:
            return "disable";
        case EventKind::kAnnounced:
        case EventKind::kNotAnnounced:
        case EventKind::kWithdrawn:
            return "announcement";
        case EventKind::kSessionUp:
        case EventKind::kSessionDown:
            return "session";
        case EventKind::kMoved:
        case EventKind::kSettled:
            return "slots";
        case EventKind::kFault:
        case EventKind::kForwards:
            return "datapath";
        case EventKind::kDiagnosed:
        case EventKind::kGivenUp:
        case EventKind::kReloaded:
        case EventKind::kReloadRefused:
        case EventKind::kDetached:
            break;
    }
    return nullptr;
}

std::string key_of(const api::Event& event, const char* aspect) {
    return fmt::format("{} {} {} {} {}", aspect, event.service, event.backend, event.vip, event.peer);
}
}  // namespace

std::optional<Milliseconds> FormerStates::note(const api::Event& event, std::optional<SteadyTime> now) {
    const char* aspect = aspect_of(event.kind);
    if (aspect == nullptr)
        return std::nullopt;
    const auto key = key_of(event, aspect);
    const auto before = states_.find(key);
    std::optional<Milliseconds> lasted;
    if (before != states_.end()) {
        const auto& [kind, at, steady, turn] = before->second;
        if (kind == event.kind)
            return std::nullopt;  // it goes on; slots of a service move again, say
        lasted = now && steady ? std::chrono::duration_cast<Milliseconds>(*now - *steady)
                               : std::chrono::duration_cast<Milliseconds>(event.at - at);
        if (*lasted < Milliseconds(0))
            lasted.reset();
    }
    states_.insert_or_assign(key, State{event.kind, event.at, now, ++turn_});
    turns_.emplace_back(turn_, key);
    while (turns_.size() > kept_) {
        const auto& [turn, oldest] = turns_.front();
        if (const auto found = states_.find(oldest); found != states_.end() && found->second.turn == turn)
            states_.erase(found);
        turns_.pop_front();
    }
    return lasted;
}

void FormerStates::forget(const api::Event& event) {
    if (const char* aspect = aspect_of(event.kind))
        states_.erase(key_of(event, aspect));
}

}  // namespace guideway::agent
