// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "connection.hpp"

namespace guideway::connections {

/// What became of all connections: by kind, by backend, by phase, and each broken one by itself. A backend
/// that has not told its name yet is "unknown".
class Report {
  public:
    /// From now on everything belongs to the phase of that name.
    void begin_phase(const std::string& name);

    void established(const Connection& connection);
    void ended(const Connection& connection);
    void broken(const Connection& connection, const std::string& what);
    /// One that broke before it was more than a wish.
    void refused(Kind kind, const std::string& what);

    [[nodiscard]] std::uint64_t broken() const { return total_.broken; }
    /// "phase add: 120 established, 100 ended, 3 broken (be1 reset 3)"
    [[nodiscard]] std::string line() const;
    /// Adds itself to what is known of the connections that live.
    void write(nlohmann::json& report) const;

  private:
    struct Tally {
        std::uint64_t established = 0;
        std::uint64_t ended = 0;
        std::uint64_t broken = 0;
    };
    struct Phase {
        std::string name;
        Tally tally;
        std::map<std::string, std::uint64_t> reasons;
    };

    template <typename Change>
    void count(Kind kind, const std::string& backend, Change change);
    void note(Kind kind, const std::string& backend, const std::string& what, nlohmann::json breakage);
    void leave(const Connection& connection);
    static void write(nlohmann::json& object, const Tally& tally);

    Clock::time_point start_ = Clock::now();
    Tally total_;
    std::array<Tally, kKinds> kinds_{};
    std::map<std::string, Tally> backends_;
    std::vector<Phase> phases_{Phase{"start", {}, {}}};
    nlohmann::json breakages_ = nlohmann::json::array();
    std::uint64_t not_listed_ = 0;
    std::uint64_t bytes_sent_ = 0;
    std::uint64_t bytes_received_ = 0;
};

}  // namespace guideway::connections
