// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/snapshot.hpp"
#include "config/model.hpp"
#include "datapath/decap.hpp"
#include "util/result.hpp"

namespace guideway::backend {

/// What only the process knows that keeps a host a backend.
struct HelperSnapshot {
    std::string version;
    int process = 0;
    api::Clock::time_point started;
    std::string config_file;  ///< empty: it was told all by its command line
    api::ReloadSnapshot last_reload;
    std::uint64_t reloads = 0;
    std::uint64_t refused_reloads = 0;
    std::optional<ProcessUsage> usage;
};

struct VipSnapshot {
    config::Prefix vip;
    std::optional<bool> local;  ///< this host takes packets for it; nothing: that is others' work
};

/// Everything that the outside reads about a backend host, at one moment.
struct Snapshot {
    api::Clock::time_point at;
    std::optional<HelperSnapshot> helper;  ///< nothing: none runs, and this is what it left in the kernel
    std::vector<api::InterfaceSnapshot> interfaces;
    std::vector<VipSnapshot> vips;
    std::vector<config::Prefix> balancers;
    datapath::DecapCounts counts{};
    std::vector<std::string> degraded;  ///< what is wrong with the host, a sentence each

    /// Why no packet reaches what serves; empty if some can.
    [[nodiscard]] std::string fault() const;
};

[[nodiscard]] nlohmann::ordered_json to_json(const Snapshot& snapshot);

/// In Prometheus's text format.
[[nodiscard]] std::string metrics_of(const Snapshot& snapshot);

/// What a process left in the kernel that runs no more. Errors: nothing is pinned there.
[[nodiscard]] Result<Snapshot> read_left_behind(const std::string& pins);

}  // namespace guideway::backend
