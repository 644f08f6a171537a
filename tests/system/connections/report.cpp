// SPDX-License-Identifier: Apache-2.0
#include "report.hpp"

#include <fmt/ranges.h>

namespace guideway::connections {

namespace {

constexpr std::size_t kMaxListed = 20000;

double seconds(Clock::duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::string name_of(const std::string& backend) {
    return backend.empty() ? "unknown" : backend;
}

}  // namespace

void Report::begin_phase(const std::string& name) {
    phases_.push_back({name, {}, {}});
}

template <typename Change>
void Report::count(Kind kind, const std::string& backend, Change change) {
    change(total_);
    change(kinds_[static_cast<std::size_t>(kind)]);
    change(backends_[name_of(backend)]);
    change(phases_.back().tally);
}

void Report::established(const Connection& connection) {
    count(connection.kind(), connection.backend(), [](Tally& tally) { ++tally.established; });
}

void Report::ended(const Connection& connection) {
    count(connection.kind(), connection.backend(), [](Tally& tally) { ++tally.ended; });
    leave(connection);
}

void Report::broken(const Connection& connection, const std::string& what) {
    note(connection.kind(), connection.backend(), what,
         {{"source", connection.source()},
          {"offset", connection.received()},
          {"longest_silence", seconds(connection.longest_silence(Clock::now()))}});
    leave(connection);
}

void Report::refused(Kind kind, const std::string& what) {
    note(kind, "", what, {{"source", nullptr}, {"offset", 0}, {"longest_silence", 0}});
}

void Report::note(Kind kind, const std::string& backend, const std::string& what, nlohmann::json breakage) {
    count(kind, backend, [](Tally& tally) { ++tally.broken; });
    ++phases_.back().reasons[fmt::format("{} {}", name_of(backend), what)];
    if (breakages_.size() == kMaxListed) {
        ++not_listed_;
        return;
    }
    breakage["kind"] = text(kind);
    breakage["backend"] = name_of(backend);
    breakage["what"] = what;
    breakage["phase"] = phases_.back().name;
    breakage["seconds"] = seconds(Clock::now() - start_);
    breakages_.push_back(std::move(breakage));
}

void Report::leave(const Connection& connection) {
    bytes_sent_ += connection.sent();
    bytes_received_ += connection.received();
}

std::string Report::line() const {
    const auto& [name, tally, reasons] = phases_.back();
    std::vector<std::string> broken;
    for (const auto& [reason, times] : reasons)
        broken.push_back(fmt::format("{} {}", reason, times));
    return fmt::format("phase {}: {} established, {} ended, {} broken{}", name, tally.established,
                       tally.ended, tally.broken,
                       broken.empty() ? "" : fmt::format(" ({})", fmt::join(broken, ", ")));
}

void Report::write(nlohmann::json& object, const Tally& tally) {
    object["established"] = tally.established;
    object["ended"] = tally.ended;
    object["broken"] = tally.broken;
}

void Report::write(nlohmann::json& report) const {
    report["seconds"] = seconds(Clock::now() - start_);
    write(report, total_);
    for (std::size_t kind = 0; kind < kKinds; ++kind)
        write(report["kinds"][text(static_cast<Kind>(kind))], kinds_[kind]);
    for (const auto& [backend, tally] : backends_)
        write(report["backends"][backend], tally);
    for (const auto& phase : phases_) {
        nlohmann::json object{{"name", phase.name}};
        write(object, phase.tally);
        report["phases"].push_back(std::move(object));
    }
    report["breakages"] = breakages_;
    report["breakages_not_listed"] = not_listed_;
    report["bytes_sent"] = report.value("bytes_sent", std::uint64_t{0}) + bytes_sent_;
    report["bytes_received"] = report.value("bytes_received", std::uint64_t{0}) + bytes_received_;
}

}  // namespace guideway::connections
