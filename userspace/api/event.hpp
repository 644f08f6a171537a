// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace guideway::api {

/// What happened: to a backend of a service, a service, a VIP, a BGP peer, or the balancer itself.
enum class EventKind : std::uint8_t {
    kStarted,        ///< the agent
    kStopped,        ///< the agent, as it was told to
    kUp,             ///< a backend passes its checks
    kDown,           ///< a backend fails them
    kDiagnosed,      ///< a backend that is down: it is known now why
    kGivenUp,        ///< a backend that is down: its established connections are given up
    kPanic,          ///< a service: too little is up, so all serve
    kPanicOver,      ///< a service
    kUntried,        ///< a service: backends that cannot be probed from here
    kTried,          ///< a service: all can be probed again
    kDrained,        ///< a backend, by hand, as the next three
    kUndrained,      ///< a backend
    kDisabled,       ///< a backend
    kEnabled,        ///< a backend
    kReloaded,       ///< the configuration
    kReloadRefused,  ///< the configuration
    kAnnounced,      ///< a VIP; without one: all of them, by hand
    kNotAnnounced,   ///< a VIP that was not before
    kWithdrawn,      ///< a VIP; without one: all of them, by hand
    kSessionUp,      ///< a BGP peer
    kSessionDown,    ///< a BGP peer
    kMoved,          ///< slots of a service
    kSettled,        ///< a service: no slot moves any more
    kFault,          ///< a service, or the whole datapath: nothing is forwarded
    kForwards,       ///< a service, or the whole datapath: again
    kDetached,       ///< the datapath, by hand
};

/// `started`, `reload_refused`
[[nodiscard]] std::string_view text(EventKind kind);

/// Who or what had something done.
struct By {
    std::optional<std::uint32_t> uid;  ///< of an order on the control socket
    std::string cause;                 ///< of what was no order: `SIGHUP`

    /// `uid 0`; empty: nobody is known.
    [[nodiscard]] std::string text() const;
    bool operator==(const By&) const = default;
};

/// Something that happened. What does not apply is empty.
struct Event {
    std::uint64_t id = 0;  ///< rises by one, also from one agent to the next
    std::chrono::system_clock::time_point at{};
    EventKind kind{};
    std::string service = {}, backend = {}, name = {};  ///< to whom; `backend` is an address, `name` its name
    std::string vip = {}, peer = {};
    std::string reason = {};
    std::optional<std::chrono::milliseconds> lasted = {};  ///< how long the state before this one did
    By by = {};
    std::uint64_t slots = 0;  ///< that moved
    std::uint64_t count = 1;  ///< of such events at about that time, of which this one tells (EventThrottle)

    bool operator==(const Event&) const = default;
};

/// `{"id":7,"at":"2026-01-31T12:00:00.250Z","kind":"down",...}`; a key that does not apply is missing.
[[nodiscard]] nlohmann::ordered_json to_json(const Event& event);

/// Reads a line of it. Nothing: it is something else, or cut off.
[[nodiscard]] std::optional<Event> read_event(std::string_view line);

}  // namespace guideway::api
