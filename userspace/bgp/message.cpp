// SPDX-License-Identifier: Apache-2.0
#include "bgp/message.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

namespace guideway::bgp {

namespace {
constexpr std::size_t kLongestLine = 1024 * 1024;

/// As JSON may hold it: printable ASCII.
std::string cleaned(std::string_view line) {
    std::string clean(line);
    for (char& c : clean)
        if (c < ' ' || c > '~')
            c = ' ';
    return clean;
}

/// RFC 4271 section 4.5 and RFC 4486; nothing for what is not among them.
std::string_view notification_text(unsigned code, unsigned subcode) {
    struct Notification {
        unsigned code;
        unsigned subcode;
        std::string_view text;
    };
    static constexpr Notification kNotifications[] = {
        {2, 1, "unsupported version"},
        {2, 2, "bad peer AS; it expects this end to be in another"},
        {2, 3, "bad BGP identifier"},
        {2, 6, "unacceptable hold time"},
        {2, 7, "unsupported capability"},
        {4, 0, "hold timer expired"},
        {6, 1, "maximum number of prefixes reached"},
        {6, 2, "administrative shutdown"},
        {6, 3, "peer de-configured"},
        {6, 4, "administrative reset"},
        {6, 5, "connection rejected"},
        {6, 6, "other configuration change"},
        {6, 7, "connection collision resolution"},
        {6, 8, "out of resources"},
    };
    for (const auto& each : kNotifications)
        if (each.code == code && each.subcode == subcode)
            return each.text;
    return {};
}

/// ExaBGP's own text of what a router says fails on data that is no text.
std::string with_own_text(const std::string& what, const std::string& why) {
    unsigned code = 0, subcode = 0;
    std::string_view text;
    if (std::sscanf(what.c_str(), "notification received (%u,%u)", &code, &subcode) == 2)
        text = notification_text(code, subcode);
    if (!text.empty())
        return fmt::format("{}: {}", what, text);
    return why.empty() ? what : fmt::format("{}: {}", what, why);
}

/// `peer reset, message (A) error(B)` -> `A: B`.
std::string readable(std::string reason) {
    constexpr std::string_view kPrefix = "peer reset, message (";
    constexpr std::string_view kMiddle = ") error(";
    const auto middle = reason.find(kMiddle);
    if (!reason.starts_with(kPrefix) || middle == std::string::npos || !reason.ends_with(')'))
        return reason;
    if (reason.find("Broken TCP connection") != std::string::npos)
        return "the TCP connection was refused or broke";
    const auto what = reason.substr(kPrefix.size(), middle - kPrefix.size());
    const auto why = reason.substr(middle + kMiddle.size(), reason.size() - 1 - middle - kMiddle.size());
    return with_own_text(what, why);
}

std::optional<Session> session_of(std::string_view state) {
    if (state == "up" || state == "ESTABLISHED")
        return Session::kUp;
    if (state == "down" || state == "IDLE")
        return Session::kIdle;
    if (state == "ACTIVE")
        return Session::kConnecting;
    if (state == "connected" || state == "CONNECT" || state == "OPENSENT" || state == "OPENCONFIRM")
        return Session::kOpening;
    return std::nullopt;
}

Message read_event(std::string_view line) {
    const auto json = nlohmann::json::parse(cleaned(line), nullptr, false);
    if (!json.is_object() || !json.contains("type") || (json["type"] != "state" && json["type"] != "fsm"))
        return OtherLine{};
    try {
        const auto& neighbor = json.at("neighbor");
        const auto peer = IpAddress::parse(neighbor.at("address").at("peer").get<std::string>());
        const auto session = session_of(neighbor.at("state").get<std::string>());
        if (!peer || !session)
            return OtherLine{};
        return SessionEvent{*peer, *session, cleaned_text(readable(neighbor.value("reason", "")))};
    } catch (const nlohmann::json::exception&) {
        return OtherLine{};
    }
}
}  // namespace

std::string_view session_text(Session session) {
    switch (session) {
        case Session::kIdle:
            return "idle";
        case Session::kConnecting:
            return "connecting";
        case Session::kOpening:
            return "opening";
        case Session::kUp:
            return "established";
    }
    return "idle";
}

Message read_message(std::string_view line) {
    if (line == "done")
        return Acknowledgement{true};
    if (line == "error")
        return Acknowledgement{false};
    if (line.starts_with('{'))
        return read_event(line);
    // "neighbor 10.0.0.1 {"
    constexpr std::string_view kNeighbor = "neighbor ", kBrace = " {";
    if (line.starts_with(kNeighbor) && line.ends_with(kBrace)) {
        const auto peer = IpAddress::parse(
            std::string(line.substr(kNeighbor.size(), line.size() - kNeighbor.size() - kBrace.size())));
        return peer ? Message(ConfiguredPeer{*peer}) : OtherLine{};
    }
    // "10.0.0.1  64512  1 day, 0:00:04  established  2  1"
    std::istringstream words{std::string(line)};
    std::string address;
    words >> address;
    const auto peer = IpAddress::parse(address);
    for (std::string word; peer && words >> word;)
        if (word == "established")
            return EstablishedPeer{*peer};
    return OtherLine{};
}

std::string cleaned_text(std::string_view text) {
    constexpr std::size_t kLongest = 200;
    const bool too_long = text.size() > kLongest;
    return cleaned(text.substr(0, kLongest)) + (too_long ? "..." : "");
}

std::vector<std::string> LineBuffer::add(std::string_view bytes) {
    std::vector<std::string> lines;
    for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
        rest_ += bytes.substr(0, end);
        if (!dropping_)
            lines.push_back(std::move(rest_));
        rest_.clear();
        dropping_ = false;
        bytes.remove_prefix(end + 1);
    }
    rest_ += bytes;
    if (rest_.size() > kLongestLine) {
        rest_.clear();
        dropping_ = true;
    }
    return lines;
}

}  // namespace guideway::bgp
