// SPDX-License-Identifier: Apache-2.0
#include "cli/event_text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <ctime>
#include <iterator>
#include <string_view>
#include <utility>

namespace guideway::cli {

namespace {
using Json = nlohmann::ordered_json;

/// What happened to whom is before it. An agent of a later version may know more kinds.
constexpr std::pair<std::string_view, std::string_view> kSaid[] = {
    {"started", "has started"},
    {"stopped", "has stopped"},
    {"up", "is up"},
    {"down", "is down"},
    {"diagnosed", "is down, and why is known"},
    {"given_up", "is given up, with its connections"},
    {"panic", "panics"},
    {"panic_over", "panics no longer"},
    {"untried", "cannot be probed from here"},
    {"tried", "can be probed again"},
    {"drained", "is drained"},
    {"undrained", "is drained no longer"},
    {"disabled", "is disabled"},
    {"enabled", "is enabled"},
    {"reloaded", "is reloaded"},
    {"reload_refused", "is not reloaded"},
    {"announced", "is announced"},
    {"not_announced", "is not announced"},
    {"withdrawn", "is withdrawn"},
    {"session_up", "has a session"},
    {"session_down", "has no session"},
    {"settled", "is settled: no slot moves"},
    {"fault", "forwards nothing"},
    {"forwards", "forwards again"},
    {"detached", "is detached"},
};

std::string word(const Json& event, const char* key) {
    const auto found = event.find(key);
    return found != event.end() && found->is_string() ? found->get<std::string>() : "";
}

std::uint64_t number(const Json& event, const char* key, std::uint64_t otherwise) {
    const auto found = event.find(key);
    return found != event.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : otherwise;
}

std::string said(const Json& event) {
    const auto kind = word(event, "kind");
    if (kind == "moved")
        return fmt::format("moves {} slots", number(event, "slots", 0));
    const auto* found = std::ranges::find_if(kSaid, [&](const auto& each) { return each.first == kind; });
    return found == std::end(kSaid) ? kind : std::string(found->second);
}

std::string subject(const Json& event) {
    const auto kind = word(event, "kind");
    std::string text = word(event, "service");
    for (const auto* key : {"backend", "vip", "peer"}) {
        auto who = word(event, key);
        const auto name = word(event, "name");
        if (std::string_view(key) == "backend" && !name.empty() && name != who)
            who = fmt::format("{} ({})", name, who);
        if (!who.empty())
            text += (text.empty() ? "" : " ") + who;
    }
    if (const auto count = number(event, "count", 1); count > 1)
        return fmt::format("{}{} more of them:", text.empty() ? "" : text + " ", count);
    if (!text.empty())
        return text;
    if (kind == "started" || kind == "stopped")
        return "the agent";
    return kind.starts_with("reload") ? "the configuration" : "this balancer";
}

std::string duration(std::uint64_t milliseconds) {
    constexpr std::uint64_t kSecond = 1000, kMinute = 60 * kSecond, kHour = 60 * kMinute, kDay = 24 * kHour;
    const auto two = [&](std::uint64_t large, const char* name, std::uint64_t small, const char* part) {
        const auto rest = milliseconds % large / small;
        return rest == 0 ? fmt::format("{} {}", milliseconds / large, name)
                         : fmt::format("{} {} {} {}", milliseconds / large, name, rest, part);
    };
    if (milliseconds >= kDay)
        return two(kDay, "d", kHour, "h");
    if (milliseconds >= kHour)
        return two(kHour, "h", kMinute, "min");
    if (milliseconds >= kMinute)
        return two(kMinute, "min", kSecond, "s");
    return fmt::format("{:.1f} s", static_cast<double>(milliseconds) / kSecond);
}

/// Here, to the second; as it stands, if it is no time.
std::string local_time(const std::string& at) {
    std::tm parts{};
    if (::strptime(at.c_str(), "%Y-%m-%dT%H:%M:%S", &parts) == nullptr)
        return at;
    return fmt::format("{:%Y-%m-%d %H:%M:%S}", fmt::localtime(::timegm(&parts)));
}

/// What servers and routers said is not for this terminal to obey.
std::string printable(std::string text) {
    std::ranges::replace_if(text, [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
    return text;
}
}  // namespace

std::string event_text(const Json& event) {
    std::string text = fmt::format("{}  {} {}", local_time(word(event, "at")), subject(event), said(event));
    if (event.contains("lasted_ms"))
        text += fmt::format(", after {}", duration(number(event, "lasted_ms", 0)));
    if (event.contains("uid"))
        text += fmt::format(", by uid {}", number(event, "uid", 0));
    else if (const auto cause = word(event, "cause"); !cause.empty())
        text += fmt::format(", by {}", cause);
    if (const auto reason = word(event, "reason"); !reason.empty())
        text += ": " + reason;
    return printable(std::move(text));
}

std::string wrapped(const std::string& text, std::size_t width) {
    constexpr std::string_view kIndent = "    ";
    std::string lines;
    std::string_view rest = text;
    while (true) {
        const auto room = lines.empty() ? width : width - std::min(width - 1, kIndent.size());
        if (rest.size() <= room)
            return lines + std::string(rest);
        const auto blank = rest.rfind(' ', room);
        const bool breaks = blank != std::string_view::npos && blank > 0;
        lines += rest.substr(0, breaks ? blank : room);
        lines += '\n';
        lines += kIndent;
        rest.remove_prefix(breaks ? blank + 1 : room);
    }
}

}  // namespace guideway::cli
