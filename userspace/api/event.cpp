// SPDX-License-Identifier: Apache-2.0
#include "api/event.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <stdexcept>
#include <string>
#include <utility>

namespace guideway::api {

namespace {
using Json = nlohmann::ordered_json;
using Milliseconds = std::chrono::milliseconds;
using SystemClock = std::chrono::system_clock;

constexpr std::array kNames{
    std::pair{EventKind::kStarted, "started"},
    std::pair{EventKind::kStopped, "stopped"},
    std::pair{EventKind::kUp, "up"},
    std::pair{EventKind::kDown, "down"},
    std::pair{EventKind::kDiagnosed, "diagnosed"},
    std::pair{EventKind::kGivenUp, "given_up"},
    std::pair{EventKind::kPanic, "panic"},
    std::pair{EventKind::kPanicOver, "panic_over"},
    std::pair{EventKind::kUntried, "untried"},
    std::pair{EventKind::kTried, "tried"},
    std::pair{EventKind::kDrained, "drained"},
    std::pair{EventKind::kUndrained, "undrained"},
    std::pair{EventKind::kDisabled, "disabled"},
    std::pair{EventKind::kEnabled, "enabled"},
    std::pair{EventKind::kReloaded, "reloaded"},
    std::pair{EventKind::kReloadRefused, "reload_refused"},
    std::pair{EventKind::kAnnounced, "announced"},
    std::pair{EventKind::kNotAnnounced, "not_announced"},
    std::pair{EventKind::kWithdrawn, "withdrawn"},
    std::pair{EventKind::kSessionUp, "session_up"},
    std::pair{EventKind::kSessionDown, "session_down"},
    std::pair{EventKind::kMoved, "moved"},
    std::pair{EventKind::kSettled, "settled"},
    std::pair{EventKind::kFault, "fault"},
    std::pair{EventKind::kForwards, "forwards"},
    std::pair{EventKind::kDetached, "detached"},
};

/// To milliseconds, as many as are kept.
std::string time_text(SystemClock::time_point at) {
    const auto whole = std::chrono::floor<std::chrono::seconds>(at);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(whole),
                       std::chrono::floor<Milliseconds>(at - whole).count());
}

/// Throws if it is something else, as all that follow.
SystemClock::time_point time_in(const std::string& text) {
    std::tm parts{};
    const char* rest = ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (rest == nullptr || *rest != '.')
        throw std::runtime_error("no time");
    const int fraction = std::stoi(rest + 1);
    return SystemClock::from_time_t(::timegm(&parts)) + Milliseconds(fraction);
}

EventKind kind_in(const std::string& text) {
    const auto* found = std::ranges::find(kNames, text, &std::pair<EventKind, const char*>::second);
    if (found == kNames.end())
        throw std::runtime_error("no kind");
    return found->first;
}

std::uint64_t count_in(const Json& json) {
    if (!json.is_number_unsigned())
        throw std::runtime_error("no count");
    return json.get<std::uint64_t>();
}

Event event_in(const Json& json) {
    Event event{.id = count_in(json.at("id")),
                .at = time_in(json.at("at").get<std::string>()),
                .kind = kind_in(json.at("kind").get<std::string>()),
                .service = json.value("service", ""),
                .backend = json.value("backend", ""),
                .name = json.value("name", ""),
                .vip = json.value("vip", ""),
                .peer = json.value("peer", ""),
                .reason = json.value("reason", ""),
                .lasted = {},
                .by = {.uid = {}, .cause = json.value("cause", "")},
                .slots = json.value("slots", std::uint64_t{0}),
                .count = json.value("count", std::uint64_t{1})};
    if (json.contains("lasted_ms"))
        event.lasted = Milliseconds(json.at("lasted_ms").get<Milliseconds::rep>());
    if (json.contains("uid"))
        event.by.uid = json.at("uid").get<std::uint32_t>();
    return event;
}
}  // namespace

std::string_view text(EventKind kind) {
    const auto* found = std::ranges::find(kNames, kind, &std::pair<EventKind, const char*>::first);
    return found == kNames.end() ? "" : found->second;
}

std::string By::text() const {
    return uid ? fmt::format("uid {}", *uid) : cause;
}

Json to_json(const Event& event) {
    Json json = {{"id", event.id}, {"at", time_text(event.at)}, {"kind", text(event.kind)}};
    for (const auto& [key, value] : {std::pair{"service", &event.service},
                                     {"backend", &event.backend},
                                     {"name", &event.name},
                                     {"vip", &event.vip},
                                     {"peer", &event.peer},
                                     {"reason", &event.reason},
                                     {"cause", &event.by.cause}}) {
        if (!value->empty())
            json[key] = *value;
    }
    if (event.lasted)
        json["lasted_ms"] = event.lasted->count();
    if (event.by.uid)
        json["uid"] = *event.by.uid;
    if (event.slots > 0)
        json["slots"] = event.slots;
    if (event.count > 1)
        json["count"] = event.count;
    return json;
}

std::optional<Event> read_event(std::string_view line) {
    const Json json = Json::parse(line, nullptr, false);
    if (!json.is_object())
        return std::nullopt;
    try {
        return event_in(json);
    } catch (const std::exception&) {
        return std::nullopt;
    }
}

}  // namespace guideway::api
