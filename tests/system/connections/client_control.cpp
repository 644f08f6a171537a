// SPDX-License-Identifier: Apache-2.0
// What a test can ask of the client while it holds its connections.
#include <algorithm>
#include <memory>

#include "client.hpp"

namespace guideway::connections {

namespace {

/// A bulk stream that makes progress, but too slowly, is in time for itself and not for a checkpoint.
constexpr int kCheckpointTimeouts = 3;

Control::Answer at_once(nlohmann::json answer) {
    return [answer = std::move(answer)] { return answer; };
}

}  // namespace

Control::Answer Client::handle(const std::string& line) {
    const auto space = line.find(' ');
    const std::string verb = line.substr(0, space);
    const std::string argument = space == std::string::npos ? "" : line.substr(space + 1);
    if (verb == "phase" && !argument.empty()) {
        fmt::print("{}\n", report_.line());
        std::fflush(stdout);
        report_.begin_phase(argument);
        return at_once({{"phase", argument}});
    }
    if (verb == "report")
        return at_once(report());
    if (verb == "backends")
        return at_once(served_by());
    if (verb == "await")
        return when_established();
    if (verb == "reopen")
        return when_reopened();
    if (verb == "checkpoint")
        return when_answered();
    if (verb == "end")
        return when_ended();
    return at_once(
        {{"error", fmt::format("'{}' is none of: await, backends, checkpoint, end, phase NAME, reopen, "
                               "report",
                               line)}});
}

bool Client::establishing() const {
    return !wanted_.empty() || std::ranges::any_of(places_, [this](const Place& place) {
        const auto found = connections_.find(place.connection);
        return found != connections_.end() && found->second.state() < Connection::State::kOpen;
    });
}

std::size_t Client::live() const {
    return static_cast<std::size_t>(
        std::ranges::count_if(places_, [this](const Place& place) { return lives(place); }));
}

Control::Answer Client::when_established() {
    return [this]() -> std::optional<nlohmann::json> {
        if (establishing())
            return std::nullopt;
        return nlohmann::json{{"wanted", places_.size()}, {"live", live()}, {"broken", report_.broken()}};
    };
}

Control::Answer Client::when_reopened() {
    for (auto& place : places_) {
        if (!lives(place) && std::ranges::find(wanted_, &place) == wanted_.end())
            wanted_.push_back(&place);
    }
    return [reopened = wanted_.size(), established = when_established()]() -> std::optional<nlohmann::json> {
        auto answer = established();
        if (answer)
            (*answer)["reopened"] = reopened;
        return answer;
    };
}

Control::Answer Client::when_answered() {
    struct Mark {
        std::uint64_t connection;
        std::uint64_t offset;
    };
    const auto broken = report_.broken();
    auto marks = std::make_shared<std::vector<Mark>>();
    for (const auto& [id, connection] : connections_)
        marks->push_back({id, connection.promised() + 1});
    for (const auto& mark : *marks) {
        Connection& connection = connections_.at(mark.connection);
        if (connection.kind() != Kind::kChurn)
            judge(connection, connection.send(1, buffer_));
    }
    return
        [this, marks, broken, asked = marks->size(),
         give_up = Clock::now() + kCheckpointTimeouts * options_.timeout]() -> std::optional<nlohmann::json> {
            std::erase_if(*marks, [this](const Mark& mark) {
                const auto found = connections_.find(mark.connection);
                return found == connections_.end() || found->second.has_answer_to(mark.offset);
            });
            if (!marks->empty() && Clock::now() < give_up)
                return std::nullopt;
            const auto newly_broken = report_.broken() - broken;
            return nlohmann::json{{"asked", asked}, {"unanswered", marks->size()}, {"broken", newly_broken}};
        };
}

Control::Answer Client::when_ended() {
    ending_ = true;
    return [this]() -> std::optional<nlohmann::json> {
        if (!connections_.empty())
            return std::nullopt;
        return report();
    };
}

nlohmann::json Client::served_by() const {
    nlohmann::json counts = nlohmann::json::object();
    for (const auto& place : places_) {
        const auto found = connections_.find(place.connection);
        if (found == connections_.end() || found->second.backend().empty())
            continue;
        auto& count = counts[found->second.backend()];
        count = (count.is_null() ? 0 : count.get<int>()) + 1;
    }
    return counts;
}

nlohmann::json Client::report() const {
    nlohmann::json report;
    std::uint64_t sent = 0, received = 0;
    for (const auto& [id, connection] : connections_) {
        sent += connection.sent();
        received += connection.received();
    }
    report["wanted"] = places_.size();
    report["live"] = live();
    report["live_by_backend"] = served_by();
    report["bytes_sent"] = sent;
    report["bytes_received"] = received;
    report_.write(report);
    return report;
}

}  // namespace guideway::connections
